/** The raw disks in a node: files by their place, /dev/ubdb onward; /dev/ubda is the root. Pure: the next start of the node has them. */
const PLACES = "bcdefghijklmnop".split("");
const DEVICE = /^\/dev\/ubd([b-p])$/;

export class Drives {
  readonly #files = new Map<string, string>();

  /** Into the first free place: the device that it will be there. */
  add(file: string): string {
    const place = PLACES.find((each) => !this.#files.has(each));
    if (place === undefined) throw new Error("no place for another disk");
    this.#files.set(place, file);
    return `/dev/ubd${place}`;
  }

  /** Takes the disk out: its file. Throws where there is none. */
  take(device: string): string {
    const place = DEVICE.exec(device)?.[1] ?? "";
    const file = this.#files.get(place);
    if (file === undefined) throw new Error(`no such disk: ${device}`);
    this.#files.delete(place);
    return file;
  }

  /** Of the kernel's command line. d: plain data, whatever the first block may look like. */
  get arguments(): readonly string[] {
    return [...this.#files].map(([place, file]) => `ubd${place}d=${file}`);
  }
}
