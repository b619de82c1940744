/** `make cluster-tools`: all that `make e2e`, `make api` and `make chart` need from outside, so that none of their times holds a build. */
import { join } from "node:path";
import { bringTools, lines, ROOT } from "./bed/tools.ts";

bringTools();
for (const script of ["helm.sh", "chart-crds.sh"]) lines(join(ROOT, "test/tools", script));
