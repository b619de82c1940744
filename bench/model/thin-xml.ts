/** Thin metadata as thin_restore reads it. Pure. */

export interface XmlPool {
  readonly transactionId: bigint;
  readonly blockSectors: number;
  readonly dataBlocks: number;
}

/** Of each volume, apart from one another, so that each is a mapping of its own. */
export const MAPPED_BLOCKS = 4;

/** `count` thins with ids from 0. RangeError where the data does not hold them. */
export function fabricatedXml({ transactionId, blockSectors, dataBlocks }: XmlPool, count: number): string {
  if (count * MAPPED_BLOCKS > dataBlocks) throw new RangeError(`${count} thins on ${dataBlocks} blocks`);
  const attributes = `uuid="" time="1" transaction="${transactionId}" flags="0" version="2" data_block_size="${blockSectors}" nr_data_blocks="${dataBlocks}"`;
  const devices = Array.from({ length: count }, (_one, id) => {
    const mappings = Array.from(
      { length: MAPPED_BLOCKS },
      (_each, index) =>
        `<single_mapping origin_block="${index * 2}" data_block="${id * MAPPED_BLOCKS + index}" time="0"/>`,
    );
    const facts = `dev_id="${id}" mapped_blocks="${MAPPED_BLOCKS}" transaction="0" creation_time="0" snap_time="1"`;
    return `<device ${facts}>${mappings.join("")}</device>`;
  });
  return `<superblock ${attributes}>\n${devices.join("\n")}\n</superblock>\n`;
}
