import { expect, test } from "vitest";

import { Drives } from "../../e2e/bed/drives.ts";

test("a disk that is moved is in the first free place of its new node, and comes back to its own", () => {
  const [one, other] = [new Drives(), new Drives()];
  for (const drives of [one, other])
    expect(["a", "b"].map((name) => drives.add(`/${name}`))).toEqual(["/dev/ubdb", "/dev/ubdc"]);
  expect(one.add("/moved")).toBe("/dev/ubdd");
  expect(other.add(one.take("/dev/ubdd"))).toBe("/dev/ubdd");
  expect(one.arguments).toEqual(["ubdbd=/a", "ubdcd=/b"]);
  expect(other.arguments).toEqual(["ubdbd=/a", "ubdcd=/b", "ubddd=/moved"]);
  expect(one.add(other.take("/dev/ubdb"))).toBe("/dev/ubdd");
  expect(other.add("/new")).toBe("/dev/ubdb");
});

test("what is not there, and the root, cannot be taken out", () => {
  const drives = new Drives();
  drives.add("/a");
  for (const device of ["/dev/ubda", "/dev/ubdc", "ubdb", ""])
    expect(() => drives.take(device)).toThrow("no such disk");
  expect(drives.arguments).toEqual(["ubdbd=/a"]);
});

test("there are fifteen places", () => {
  const drives = new Drives();
  for (let number = 0; number < 15; number += 1) drives.add(`/${number}`);
  expect(() => drives.add("/more")).toThrow("no place");
});
