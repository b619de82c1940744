/** CreateSnapshot and CreateVolumeGroupSnapshot: on the node of what is cut, by a name that is free in the cluster. */
import { randomUUID } from "node:crypto";
import { PreconditionError } from "../core/errors.ts";
import type { PoolUuid } from "../core/ids.ts";
import { lockKey } from "../core/lock-keys.ts";
import { Operations } from "../core/operations.ts";
import { quote } from "../core/quote.ts";
import { parseCreateGroup, parseCreateSnapshot } from "../csi/messages-snapshot.ts";
import { loadCsi } from "../csi/proto.ts";
import type {
  CreateSnapshotRequest__Output,
  CreateSnapshotResponse__Output,
  CreateVolumeGroupSnapshotRequest__Output,
  CreateVolumeGroupSnapshotResponse__Output,
} from "../generated/csi.ts";
import type { CalledMethod, Waiting } from "./connection.ts";
import type { Fleet, FleetNode } from "./fleet.ts";
import type { Name, Names } from "./names.ts";
import { requireOwnGroup, requireOwnSnapshot } from "./own-answers.ts";

interface Cut<Request, Response> {
  readonly method: CalledMethod<Request, Response>;
  readonly name: Name;
  /** Of the sources. */
  readonly pool: PoolUuid;
  /** Throws where a node answers with what is not its own. */
  readonly check: (node: FleetNode, response: Response) => void;
}

export class Snapshots {
  readonly #fleet: Fleet;
  readonly #names: Names;
  /** One try at a time for a name: two of them, of sources on two nodes, would both find it free. */
  readonly #tries = new Operations();

  constructor(fleet: Fleet, names: Names) {
    this.#fleet = fleet;
    this.#names = names;
  }

  create(request: CreateSnapshotRequest__Output, waiting: Waiting): Promise<CreateSnapshotResponse__Output> {
    return Promise.try(() => {
      const { name, source } = parseCreateSnapshot(request);
      const cut = {
        method: loadCsi().Controller.CreateSnapshot,
        name: { kind: "SNAPSHOT", text: name },
        pool: source.pool,
        check: (node, { snapshot }) => requireOwnSnapshot(this.#fleet, node, snapshot),
      } satisfies Cut<CreateSnapshotRequest__Output, CreateSnapshotResponse__Output>;
      return this.#cut(lockKey.snapshotName(name), cut, request, waiting);
    });
  }

  createGroup(
    request: CreateVolumeGroupSnapshotRequest__Output,
    waiting: Waiting,
  ): Promise<CreateVolumeGroupSnapshotResponse__Output> {
    return Promise.try(() => {
      const { name, pool } = onePool(request);
      const cut = {
        method: loadCsi().GroupController.CreateVolumeGroupSnapshot,
        name: { kind: "GROUP_SNAPSHOT", text: name },
        pool,
        check: (node, { group_snapshot: group }) => requireOwnGroup(this.#fleet, node, group),
      } satisfies Cut<CreateVolumeGroupSnapshotRequest__Output, CreateVolumeGroupSnapshotResponse__Output>;
      return this.#cut(lockKey.groupName(name), cut, request, waiting);
    });
  }

  #cut<Request, Response>(
    key: string,
    { method, name, pool, check }: Cut<Request, Response>,
    request: Request,
    waiting: Waiting,
  ): Promise<Response> {
    const scope = {
      title: `a snapshot ${quote(name.text)}`,
      exclusive: [key],
      // Nobody joins: each caller has its own deadline. The nodes join equal calls.
      fingerprint: randomUUID(),
    };
    return this.#tries.run(scope, async () => {
      const { owner, token } = await this.#names.ownerWhereFree(name, pool, waiting);
      const response = await owner.call(method, request, waiting, token);
      check(owner, response);
      return response;
    });
  }
}

/** Throws PreconditionError: one point in time exists only within one pool. */
function onePool(request: CreateVolumeGroupSnapshotRequest__Output): { name: string; pool: PoolUuid } {
  const { name, sources } = parseCreateGroup(request);
  const [pool, ...others] = new Set(sources.map((source) => source.pool));
  if (pool !== undefined && others.length === 0) return { name, pool };
  throw new PreconditionError("source_volume_ids: volumes of different pools cannot be cut together");
}
