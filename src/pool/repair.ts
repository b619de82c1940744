/**
 * The repair of a pool's thin metadata (the rules: plan/repair.ts). Whatever ends it in between, the next repair begins anew
 * with the metadata that the labels name, and that is always either untouched or the result that was checked.
 *
 * thins and pool device down → full check → sound: needs_check cleared. Damaged: new metadata onto the spare → full
 * check of it → compared with the catalog → meta and spare change their roles in the labels.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { PreconditionError } from "../core/errors.ts";
import { keyOf } from "../core/ids.ts";
import type { CatalogContent } from "../core/records.ts";
import { formatBytes } from "../core/units.ts";
import { readThinDetails, repairMetadata, salvage } from "../host/thin-rebuild.ts";
import type { ThinDetail } from "../host/thin-rebuild.ts";
import { blankThinSuperblock, readThinSuperblock } from "../host/thin-superblock.ts";
import { checkMetadata, listThins } from "../host/thin-tools.ts";
import { assess, judgeSpare, objections, planRepair } from "../plan/repair.ts";
import type { Acceptance, Assessment, MetadataFinding, RebuildMethod, SpareFinding } from "../plan/repair.ts";
import type { OnStep } from "./backing.ts";
import { examine } from "./check.ts";
import type { ActiveThin, IdlePool } from "./idle-pool.ts";

export interface RepairHands {
  readonly accepted: Acceptance;
  /** An existing directory with room for the mappings as text. */
  readonly workDirectory: string;
  /** For people. */
  readonly say: (line: string) => void;
  /** For people too, often: how far it is. */
  readonly progress: (text: string) => void;
  readonly onStep: OnStep;
}

export type RepairOutcome =
  /** Nothing was wrong, and nothing was changed. */
  | { readonly kind: "sound" }
  | { readonly kind: "cleared" }
  /** New metadata is in place; what it was made from is on the spare. */
  | { readonly kind: "repaired"; readonly assessment: Assessment }
  /** The metadata is as it was. */
  | { readonly kind: "refused"; readonly reasons: readonly string[]; readonly assessment?: Assessment };

/** Throws PreconditionError while a volume of the pool is in use, ToolError where the metadata cannot be read at all. */
export async function repairPool(pool: IdlePool, hands: RepairHands): Promise<RepairOutcome> {
  return new Repair(pool, hands).run();
}

const WAYS: Readonly<Record<RebuildMethod, string>> = {
  copy: "devices and mappings are whole: thin_repair writes them to the spare with new space maps",
  salvage: "each thin that can be read is written to the spare as it is",
  older: "thin_repair writes the newest state that is whole to the spare",
};

class Repair {
  readonly #pool: IdlePool;
  readonly #hands: RepairHands;
  readonly #content: CatalogContent | undefined;

  constructor(pool: IdlePool, hands: RepairHands) {
    this.#pool = pool;
    this.#hands = hands;
    this.#content = typeof pool.catalog === "string" ? undefined : pool.catalog;
    if (typeof pool.catalog === "string") hands.say(`the catalog cannot be read: ${pool.catalog}`);
  }

  async run(): Promise<RepairOutcome> {
    const { say } = this.#hands;
    await this.#deactivate();
    const { meta, spare } = this.#pool.nodes;
    say(`checking ${formatBytes(meta.size)} of metadata: devices, every mapping, both space maps`);
    const { finding, report } = await examine(this.#pool, meta.path);
    say(finding.sound ? "the metadata is sound" : `the metadata is damaged: ${report}`);
    const details = finding.sound ? undefined : await readThinDetails(this.#pool.runner, meta.path);
    const found: SpareFinding = finding.sound ? { kind: "free" } : await this.#lookAtSpare(finding);
    const plan = planRepair(finding, found, details !== undefined, this.#hands.accepted);
    switch (plan.kind) {
      case "nothing":
        return { kind: "sound" };
      case "refuse":
        return { kind: "refused", reasons: [plan.reason] };
      case "clear-needs-check":
        return this.#clear(meta.path);
      case "use-spare":
        say("the spare holds sound metadata that is exactly what the catalog lists: it is used");
        return this.#swap({ losses: [], excess: [] });
      case "rebuild":
        return this.#rebuild(plan.method, meta.path, spare.path, finding, details);
    }
  }

  /** The full check is done once more by the command that clears: nothing can come between the two. */
  async #clear(path: string): Promise<RepairOutcome> {
    await this.#hands.onStep("clear needs_check");
    const check = await checkMetadata(this.#pool.runner, path, { clearNeedsCheck: true });
    const after = await readThinSuperblock(path);
    if (check.kind === "sound" && after?.needsCheck === false) return { kind: "cleared" };
    return { kind: "refused", reasons: ["thin_check did not clear needs_check; its version may be too old"] };
  }

  async #lookAtSpare(meta: MetadataFinding): Promise<SpareFinding> {
    const { runner, nodes } = this.#pool;
    const { path } = nodes.spare;
    const now = this.#content?.pool.transactionId ?? meta.superblock?.transactionId;
    const superblock = await readThinSuperblock(path);
    const unchecked = { superblock, sound: true, treesSound: true };
    if (judgeSpare(unchecked, now, undefined, undefined).kind === "free") return { kind: "free" };
    const { finding } = await examine(this.#pool, path);
    const thins = finding.sound ? await listThins(runner, path, { live: false }) : undefined;
    return judgeSpare(finding, now, this.#content, thins);
  }

  async #rebuild(
    method: RebuildMethod,
    from: string,
    to: string,
    meta: MetadataFinding,
    details: readonly ThinDetail[] | undefined,
  ): Promise<RepairOutcome> {
    const { say, onStep, accepted } = this.#hands;
    await onStep("blank spare");
    await blankThinSuperblock(to);
    await onStep("rebuild onto spare");
    const used = await this.#write(method, { from, to, meta, details });
    if (typeof used === "object") return { kind: "refused", reasons: [used.failure] };
    say("checking the spare");
    const { finding, report } = await examine(this.#pool, to);
    if (!finding.sound || finding.superblock === undefined)
      return { kind: "refused", reasons: [`what was made on the spare is not sound: ${report}`] };
    const assessment = assess(
      {
        transactionId: finding.superblock.transactionId,
        thins: await listThins(this.#pool.runner, to, { live: false }),
        before: details,
        blockSize: this.#pool.blockSize,
      },
      this.#content,
    );
    const reasons = objections(used, assessment, accepted);
    if (reasons.length > 0) return { kind: "refused", reasons, assessment };
    return this.#swap(assessment);
  }

  /** The way that was used in the end, or why there is none. */
  async #write(
    method: RebuildMethod,
    {
      from,
      to,
      meta,
      details,
    }: {
      readonly from: string;
      readonly to: string;
      readonly meta: MetadataFinding;
      readonly details: readonly ThinDetail[] | undefined;
    },
  ): Promise<RebuildMethod | { readonly failure: string }> {
    const { say } = this.#hands;
    const { runner, blockSize, nodes } = this.#pool;
    if (method === "salvage" && details !== undefined) {
      say(WAYS.salvage);
      const saved = await this.#salvage(from, to, details);
      if (saved !== undefined) return "salvage";
      say("no thin can be taken as it is, or they do not fit on the spare");
      await blankThinSuperblock(to);
    }
    const way = method === "copy" ? "copy" : "older";
    say(WAYS[way]);
    const transactionId = this.#content?.pool.transactionId;
    const failure = await repairMetadata(runner, {
      from,
      to,
      ...(meta.superblock === undefined
        ? {
            lost: {
              blockSize,
              dataBlocks: nodes.data.size / blockSize,
              ...(transactionId === undefined ? {} : { transactionId }),
            },
          }
        : {}),
    });
    return failure === undefined ? way : { failure: `thin_repair: ${failure}` };
  }

  async #salvage(
    from: string,
    to: string,
    thins: readonly ThinDetail[],
  ): Promise<readonly ThinDetail[] | undefined> {
    const { progress, workDirectory } = this.#hands;
    const directory = await mkdtemp(`${workDirectory}/dmthin-repair-`);
    try {
      return await salvage(this.#pool.runner, {
        from,
        to,
        thins,
        workDirectory: directory,
        onThin: (done) => progress(`${done} of ${thins.length} thins`),
      });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #swap(assessment: Assessment): Promise<RepairOutcome> {
    await this.#pool.swapMetaAndSpare();
    return { kind: "repaired", assessment };
  }

  async #deactivate(): Promise<void> {
    const { dmsetup, poolDevice } = this.#pool;
    const thins = await this.#pool.activeThins();
    const users = thins.filter(({ open, mountPoints }) => open > 0 || mountPoints.length > 0);
    if (users.length > 0) throw new PreconditionError(this.#inUse(users));
    for (const { device } of thins) {
      await this.#hands.onStep(`remove ${device}`);
      await dmsetup.remove(device);
    }
    if (!(await this.#pool.isActive())) return;
    await this.#hands.onStep(`remove ${poolDevice}`);
    await dmsetup.remove(poolDevice);
  }

  #inUse(users: readonly ActiveThin[]): string {
    const lines = users.map(({ device, key, open, mountPoints }) => {
      const volume = this.#content?.volumes.find(({ id }) => keyOf(id) === key);
      const where =
        mountPoints.length > 0
          ? `mounted at ${mountPoints.join(", ")}`
          : `open ${open} times, mounted nowhere that is seen from here`;
      return `\n  volume ${volume?.name ?? key} (${device}): ${where}`;
    });
    return `volumes of the pool are in use; end their pods, so that the driver unpublishes and unstages them, and repeat:${lines.join("")}`;
  }
}
