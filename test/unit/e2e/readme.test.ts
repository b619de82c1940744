import { describe, expect, test } from "vitest";
import { documentText } from "../../support/markdown.ts";
import { installCommands } from "../../e2e/readme.ts";

describe("the README as a test of the cluster", () => {
  test("installs the chart, makes a claim, and takes all of it back", () => {
    const programs = installCommands(documentText("README.md"));
    expect(programs[0]).toContain("helm install dmthin charts/dmthin");
    expect(programs.some((text) => text.includes("kind: PersistentVolumeClaim"))).toBe(true);
    expect(programs.at(-1)).toContain("helm uninstall dmthin");
  });

  test("is read up to the next heading", () => {
    const readme = "# a\n\n## Install\n\n```sh\none\n```\n\n```yaml\nno\n```\n\n## Next\n\n```sh\ntwo\n```\n";
    expect(installCommands(readme).slice(0, -1)).toEqual(["one"]);
  });

  test.each(["# a\n", "# a\n\n## Install\n\nsoon\n"])("without commands it fails", (readme) => {
    expect(() => installCommands(readme)).toThrow("Install");
  });
});
