/** The middle of the story: snapshot, restore, clone, group snapshot; each copy is mounted beside its origin and compared. */
import { rm } from "node:fs/promises";
import { formatBytes, GIB, MIB } from "../src/core/units.ts";
import { writeRandom } from "../test/support/content.ts";
import { countRecords } from "../test/support/record-writer.ts";
import type { TestVolume } from "../test/support/volume-life.ts";
import { fromSnapshot, fromVolume } from "../test/support/volume-life.ts";
import { df } from "./machine.ts";
import { checksum, countMounted, dfSize, journalOf, LETTER_MIB, letterOf, startWriter } from "./scene.ts";
import type { Scene } from "./scene.ts";
import { check } from "./steps.ts";
import type { Volumes } from "./story.ts";

/** A snapshot as CSI answered it. */
export interface Snapshot {
  readonly id: string;
  /** Of the letter at the cut. */
  readonly letter: string;
  readonly createdAt: string;
}

/** A snapshot of a volume that is written to all the time, and what became of both afterwards. */
export async function snapshotAndCopy(
  scene: Scene,
  volumes: Volumes,
): Promise<Snapshot & { readonly copies: readonly TestVolume[] }> {
  const { steps, life } = scene;
  const { mail } = volumes;
  steps.chapter("Snapshot, restore, clone");
  const letter = await checksum(mail);
  const writer = await startWriter(scene, mail);
  let before = 0;
  let after = 0;
  const snapshot = await steps.step(
    'snapshot "mail" while a program writes',
    async () => {
      writer.takeLongestMs();
      before = writer.durable;
      const made = await life.snapshot("monday", mail);
      after = writer.durable;
      return made;
    },
    async (made) => {
      check(made.ready_to_use, "the snapshot is not ready to use");
      await writer.reach(5);
      return `writer went on; its longest wait was ${writer.takeLongestMs()} ms`;
    },
  );
  await writer.stop();
  await steps.step(
    "write another letter over the first",
    () => writeRandom(letterOf(mail), LETTER_MIB),
    async () => {
      const now = await checksum(mail);
      check(now !== letter, "the letter did not change");
      return `sha256 was ${letter}, is ${now}`;
    },
  );
  const restored = await steps.step(
    "restore it into 1 GiB, mount it",
    async () => {
      const made = await life.copy("mail-monday", fromSnapshot(snapshot), "ext4", GIB);
      await life.use(made);
      return made;
    },
    async (made) => {
      const size = await df(made.targetPath);
      check(size.size > 900n * MIB, `df says ${size.size} bytes: the filesystem did not grow to its volume`);
      return `df ${formatBytes(size.size)}; origin df ${await dfSize(mail)}`;
    },
  );
  await steps.step(
    "read the restored letter",
    () => checksum(restored),
    (found) => {
      check(found === letter, `it has ${found}, not ${letter}`);
      return `sha256 ${found}: the old letter`;
    },
  );
  await steps.step(
    "read what the program had written",
    () => countRecords(journalOf(restored)),
    (records) => {
      // One may be durable before the program has counted it.
      check(
        records >= before && records <= after + 1,
        `${records} records, expected ${before} to ${after + 1}`,
      );
      return `${records} records whole (${before} before, ${after} after)`;
    },
  );
  const clone = await cloneLive(scene, volumes, restored);
  const createdAt = `${snapshot.creation_time?.seconds}.${snapshot.creation_time?.nanos}`;
  return { id: snapshot.snapshot_id, letter, createdAt, copies: [restored, clone] };
}

async function cloneLive(
  { steps, life }: Scene,
  { mail, db }: Volumes,
  restored: TestVolume,
): Promise<TestVolume> {
  const clone = await steps.step(
    'clone "mail" while it is mounted',
    async () => {
      const made = await life.copy("mail-clone", fromVolume(mail), "ext4", mail.size);
      await life.use(made);
      return made;
    },
    async (made) => {
      const [origin, copy] = [await checksum(mail), await checksum(made)];
      check(origin === copy, `origin ${origin}, clone ${copy}`);
      return `sha256 ${copy}: the new letter`;
    },
  );
  await steps.step(
    "delete the letter in the clone",
    () => rm(letterOf(clone)),
    async () => {
      const mounted = await countMounted([mail, db, restored, clone]);
      return `origin has ${await checksum(mail)}, ${mounted} mounted side by side`;
    },
  );
  return clone;
}

/** Two volumes with different filesystems at one point in time. */
export async function snapshotGroup(
  scene: Scene,
  { mail, db }: Volumes,
): Promise<{
  readonly id: string;
  readonly members: readonly string[];
  readonly copies: readonly TestVolume[];
}> {
  const { steps, driver, life } = scene;
  steps.chapter("Group snapshot");
  for (const volume of [mail, db]) await rm(journalOf(volume), { force: true });
  const writer = await startWriter(scene, mail, db);
  const group = await steps.step(
    'snapshot "mail" and "db" together',
    async () => {
      const made = await driver.csi.groupController.createVolumeGroupSnapshot({
        name: "tuesday",
        source_volume_ids: [mail.id, db.id],
      });
      return made.group_snapshot;
    },
    async (made) => {
      await writer.reach(5);
      return `${made?.snapshots.length} members; writer's longest wait ${writer.takeLongestMs()} ms`;
    },
  );
  await writer.stop();
  check(group !== null, "CreateVolumeGroupSnapshot answered no group");
  const copies: TestVolume[] = [];
  await steps.step(
    "restore both, mount beside the origins",
    async () => {
      for (const origin of [mail, db]) {
        const member = group.snapshots.find((each) => each.source_volume_id === origin.id);
        check(member !== undefined, `the group has no snapshot of ${origin.name}`);
        const made = await life.copy(
          `${origin.name}-tuesday`,
          fromSnapshot(member),
          origin.content,
          origin.size,
        );
        await life.use(made);
        copies.push(made);
      }
    },
    async () => {
      const [inMail = 0, inDb = 0] = await Promise.all(copies.map((copy) => countRecords(journalOf(copy))));
      check(
        inMail === inDb || inMail === inDb + 1,
        `mail has ${inMail} records, db ${inDb}: not one point in time`,
      );
      return `records: ext4 ${inMail}, xfs ${inDb}: one point in time`;
    },
  );
  return { id: group.group_snapshot_id, members: group.snapshots.map((each) => each.snapshot_id), copies };
}
