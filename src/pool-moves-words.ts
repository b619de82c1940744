/** The words after `dmthin pool adopt` and `dmthin pool rehome`, as values. Both throw InvalidRequestError. */
import { OUTPUT, parse, wantsJson } from "./command-words.ts";
import { InvalidRequestError } from "./core/errors.ts";
import { isPoolName, isPoolUuid, POOL_NAME_RULE } from "./core/ids.ts";
import type { PoolAdoptCommand } from "./pool-adopt-command.ts";
import type { PoolRehomeCommand } from "./pool-rehome-command.ts";

/** Of the chart. */
const DEFAULT_NAMESPACE = "dmthin-system";

export function parseAdopt(args: readonly string[]): PoolAdoptCommand {
  const text = { type: "string" } as const;
  const { values, positionals } = parse("pool adopt", args, { config: text, as: text, output: OUTPUT }, 1);
  const json = wantsJson("pool adopt", values);
  const [pool] = positionals;
  const { as, config } = values;
  if (pool !== undefined && !isPoolUuid(pool))
    throw new InvalidRequestError(
      "pool adopt",
      "takes the uuid of a pool, 32 hex digits: dmthin pool adopt lists them",
    );
  if (as !== undefined && pool === undefined)
    throw new InvalidRequestError(
      "pool adopt --as",
      "needs the uuid of a pool: dmthin pool adopt lists them",
    );
  if (as !== undefined && !isPoolName(as)) throw new InvalidRequestError("pool adopt --as", POOL_NAME_RULE);
  return {
    kind: "pool-adopt",
    json,
    ...(pool === undefined ? {} : { pool }),
    ...(as === undefined ? {} : { as }),
    ...(config === undefined ? {} : { configuration: config }),
  };
}

export function parseRehome(args: readonly string[]): PoolRehomeCommand {
  const text = { type: "string" } as const;
  const { values, positionals } = parse(
    "pool rehome",
    args,
    {
      to: text,
      namespace: { type: "string", short: "n", default: DEFAULT_NAMESPACE },
      kubeconfig: text,
      context: text,
      apply: { type: "boolean", default: false },
      output: OUTPUT,
    },
    1,
  );
  const [pool = ""] = positionals;
  if (!isPoolUuid(pool))
    throw new InvalidRequestError(
      "pool rehome",
      "takes the uuid of a pool, 32 hex digits: dmthin pool list and kubectl get thinpools -o wide show it",
    );
  if (values.to === undefined || values.to === "")
    throw new InvalidRequestError("pool rehome --to", "names the node that has the pool now; it is missing");
  return {
    kind: "pool-rehome",
    pool,
    node: values.to,
    namespace: values.namespace,
    apply: values.apply,
    json: wantsJson("pool rehome", values),
    ...(values.kubeconfig === undefined ? {} : { kubeconfig: values.kubeconfig }),
    ...(values.context === undefined ? {} : { context: values.context }),
  };
}
