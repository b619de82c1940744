/** Group snapshots. */
import type { KubeObject } from "../framework/kubectl.ts";
import { claim } from "../framework/manifests.ts";
import { startPod, startWithClaim } from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import { SNAPSHOTS, type VolumeSnapshot } from "../framework/snapshots.ts";
import { expectRecords, startWriter, untilWritesGoOn, untilWritten, writtenBy } from "../framework/writer.ts";
import { expect } from "../framework/world.ts";

const GROUPS = "volumegroupsnapshots.groupsnapshot.storage.k8s.io";

interface GroupSnapshot extends KubeObject {
  readonly status?: { readonly readyToUse?: boolean };
}

interface MemberSnapshot extends VolumeSnapshot {
  readonly spec?: { readonly source?: { readonly persistentVolumeClaimName?: string } };
  readonly status?: VolumeSnapshot["status"] & { readonly volumeGroupSnapshotName?: string };
}

const groupOfTwo: Scenario = {
  id: "group-snapshot",
  title:
    "a group snapshot of two volumes that are written to is restored, both with what was confirmed before",
  needs: ["snapshots", "group-snapshots"],
  async run(world) {
    const { ext4, groupSnapshots } = world.classes;
    const labels = { group: "both" };
    const members = ["one", "two"];
    for (const name of members) {
      const asked = claim({ name, class: ext4, size: "128Mi" });
      await world.apply({ ...asked, metadata: { name, labels } });
      await startWriter(world, { name, claim: name, node: world.nodeA });
    }
    const confirmed = new Map<string, number>();
    for (const name of members) {
      await untilWritten(world, name, 5);
      confirmed.set(name, (await writtenBy(world, name)).last);
    }
    const group = {
      apiVersion: `groupsnapshot.storage.k8s.io/${world.cluster.groupSnapshotVersion}`,
      kind: "VolumeGroupSnapshot",
      metadata: { name: "group" },
      spec: { volumeGroupSnapshotClassName: groupSnapshots, source: { selector: { matchLabels: labels } } },
    };
    await world.apply(group);
    await world.phase("snapshots", () =>
      world.watch<GroupSnapshot, true>({
        get: [GROUPS, "--field-selector=metadata.name=group"],
        what: "the group snapshot is ready",
        judge: ([found]) => found?.status?.readyToUse === true || undefined,
      }),
    );
    for (const name of members) await untilWritesGoOn(world, name);
    const cuts = await world.phase("snapshots", () =>
      world.watch<MemberSnapshot, readonly MemberSnapshot[]>({
        get: [SNAPSHOTS],
        what: "both members are ready",
        judge: (snapshots) => {
          const ready = snapshots.filter(({ status }) => status?.readyToUse === true);
          return ready.length === members.length ? ready : undefined;
        },
      }),
    );
    const restored = await Promise.all(
      cuts.map(async (cut, index) => {
        const name = `restored-${index}`;
        await startWithClaim(world, { name, class: ext4, size: "128Mi", source: { snapshot: nameOf(cut) } });
        const origin = cut.spec?.source?.persistentVolumeClaimName ?? "";
        expect(confirmed.has(origin), `a member is of claim ${JSON.stringify(origin)}`);
        return { origin, records: await expectRecords(world, name, confirmed.get(origin) ?? 0) };
      }),
    );
    expect(new Set(restored.map(({ origin }) => origin)).size === members.length, "both are of one claim");
    await world.delete(GROUPS, ["group"]);
    await startPod(world, { name: "after", claim: "one" });
  },
};

export const GROUP_SNAPSHOTS: readonly Scenario[] = [groupOfTwo];
