/** What of package-lock.json is in the image. Pure. */
import { z } from "zod";

export interface NpmPackage {
  /** Such as `@grpc/grpc-js`. */
  readonly name: string;
  readonly version: string;
  /** Below the root, such as `node_modules/@grpc/grpc-js`. */
  readonly path: string;
  /** SPDX expression, as the package says. */
  readonly license: string | undefined;
  /** sha512 of the archive, base64. */
  readonly sha512: string | undefined;
}

const lockfileSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      integrity: z.string().optional(),
      dev: z.boolean().optional(),
    }),
  ),
});

const PREFIX = "node_modules/";
const NODE = "node-linux-";

/** What dmthin imports: nothing that serves work on it alone, none that hold nothing but types, and not Node. */
export function shippedPackages(lockfile: unknown): readonly NpmPackage[] {
  return lockedPackages(lockfile).filter(
    ({ dev, name }) => !dev && !name.startsWith("@types/") && !name.startsWith(NODE),
  );
}

/** Node itself, one for each architecture. */
export function nodePackages(lockfile: unknown): readonly NpmPackage[] {
  return lockedPackages(lockfile).filter(({ name }) => name.startsWith(NODE));
}

function lockedPackages(lockfile: unknown): readonly (NpmPackage & { readonly dev: boolean })[] {
  return Object.entries(lockfileSchema.parse(lockfile).packages).flatMap(([path, entry]) => {
    const { version } = entry;
    // The entry without a path is dmthin itself.
    if (path === "" || version === undefined) return [];
    return {
      name: path.slice(path.lastIndexOf(PREFIX) + PREFIX.length),
      version,
      path,
      license: entry.license,
      sha512: entry.integrity?.replace(/^sha512-/, ""),
      dev: entry.dev ?? false,
    };
  });
}
