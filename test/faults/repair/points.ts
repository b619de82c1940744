/** Where a repair can be when it is killed: lines of its trace (src/fault-point.ts). */

/** Something has been changed, or is about to be. */
export const CHANGES =
  /^\S+ #\d+ (?!ran |began)|^\S+ #\d+ ran (?:thin_restore|thin_repair|thin_dump|dmsetup (?:create|remove)|losetup --(?:find|detach)|u?mount)/;

/** Steps of every rebuild, in their order: from each of them on the disks say something else. */
export const TURNS: readonly string[] = [
  "blank spare",
  "rebuild onto spare",
  "remove meta and spare",
  "label metadata ready",
  "label data ready",
  "label spare ready",
  "label catalog ready",
];
