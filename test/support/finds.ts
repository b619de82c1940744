/** Labels as they are found on devices. */
import type { DevNumber } from "../../src/core/dm.ts";
import { bytes, GIB } from "../../src/core/units.ts";
import type { Find } from "../../src/pool/adopt/found-pools.ts";
import { labelFor } from "../../src/pool/label.ts";
import type { Label } from "../../src/pool/label.ts";
import type { Member } from "../../src/pool/layout.ts";
import { LABEL } from "./labels.ts";

/** A device `kernelName` with the label of that member of pool `fast`. */
export function find(
  kernelName: string,
  member: Member,
  label: Partial<Label> = {},
  changes: Partial<Find> = {},
): Find {
  const device = `/dev/${kernelName}`;
  return {
    kernelName,
    device,
    number: "8:0" as DevNumber,
    path: device,
    isStable: false,
    size: bytes(4n * GIB),
    holders: [],
    label: labelFor({ ...LABEL, ...label }, member),
    ...changes,
  };
}
