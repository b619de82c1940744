/** The programs that dmthin starts. Pure. */
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

export interface SeenTool {
  readonly name: string;
  /** Debian package. */
  readonly package: string;
  readonly required: boolean;
  readonly path: string | undefined;
}

/** What nobody can do without an optional one. */
const USES: Readonly<Record<string, string>> = {
  xfsprogs: "volumes with xfs",
  "btrfs-progs": "volumes with btrfs",
  "thin-provisioning-tools": "dmthin pool check and repair",
  kmod: "loading dm_thin_pool by itself",
};

export function judgeTools(tools: readonly SeenTool[]): readonly Finding[] {
  const missing = tools.filter(({ path }) => path === undefined);
  const packages = [...new Set(missing.map((tool) => tool.package))];
  const found = tools.length - missing.length;
  return [
    ...(missing.length === 0 ? [ok("tools", `all ${found} are there`)] : []),
    ...packages.map((each) => {
      const lacking = missing.filter((tool) => tool.package === each);
      const names = lacking.map(({ name }) => name).join(", ");
      const cure = `apt-get install ${each}`;
      return lacking.some(({ required }) => required)
        ? fail("tools", `${names} not found; dmthin does not start without`, cure)
        : warn("tools", `${names} not found: no ${USES[each] ?? "use of it"}`, cure);
    }),
  ];
}
