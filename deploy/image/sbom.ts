/** The list of what is in the image, as SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/). Pure. */
import type { NpmPackage } from "./lockfile.ts";

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** What it was built from; where to look for its license and its known faults. */
  readonly source: { readonly name: string; readonly version: string };
}

export interface Contents {
  /** Of dmthin. */
  readonly version: string;
  readonly created: Date;
  /** Of Debian, such as `13`. */
  readonly release: string;
  readonly debian: readonly DebianPackage[];
  readonly npm: readonly NpmPackage[];
  /** A name for exactly these contents. */
  readonly digest: string;
}

const ITSELF = "SPDXRef-dmthin";
const NOTHING = "NOASSERTION";

export function sbom(contents: Contents): object {
  const { version, created, digest } = contents;
  const parts = [
    ...contents.debian.map((each) => debianPackage(each, contents.release)),
    ...contents.npm.map(npmPackage),
  ];
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `dmthin-${version}`,
    documentNamespace: `https://dmthin.io/spdx/dmthin-${version}-${digest}`,
    creationInfo: {
      created: created.toISOString().replace(/\.\d+Z$/, "Z"),
      creators: [`Tool: dmthin-${version}`],
    },
    packages: [itself(version), ...parts],
    relationships: [
      relation("SPDXRef-DOCUMENT", "DESCRIBES", ITSELF),
      ...parts.map(({ SPDXID }) => relation(ITSELF, "CONTAINS", SPDXID)),
    ],
  };
}

const itself = (version: string) => ({
  SPDXID: ITSELF,
  name: "dmthin",
  versionInfo: version,
  downloadLocation: NOTHING,
  licenseConcluded: "Apache-2.0",
  licenseDeclared: "Apache-2.0",
  copyrightText: NOTHING,
  primaryPackagePurpose: "CONTAINER",
});

function debianPackage({ name, version, architecture, source }: DebianPackage, release: string) {
  return {
    SPDXID: spdxId("deb", name, version),
    name,
    versionInfo: version,
    supplier: "Organization: Debian",
    downloadLocation: NOTHING,
    sourceInfo: `built from ${source.name} ${source.version}; license: /usr/share/doc/${name}/copyright`,
    licenseConcluded: NOTHING,
    licenseDeclared: NOTHING,
    copyrightText: NOTHING,
    externalRefs: [
      purl(
        `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-${release}`,
      ),
    ],
  };
}

function npmPackage({ name, version, license, sha512 }: NpmPackage) {
  return {
    SPDXID: spdxId("npm", name, version),
    name,
    versionInfo: version,
    downloadLocation: NOTHING,
    licenseConcluded: NOTHING,
    licenseDeclared: license ?? NOTHING,
    copyrightText: NOTHING,
    ...(sha512 === undefined
      ? {}
      : {
          checksums: [{ algorithm: "SHA512", checksumValue: Buffer.from(sha512, "base64").toString("hex") }],
        }),
    externalRefs: [purl(`pkg:npm/${name.replace(/^@/, "%40")}@${encodeURIComponent(version)}`)],
  };
}

const purl = (referenceLocator: string) => ({
  referenceCategory: "PACKAGE-MANAGER",
  referenceType: "purl",
  referenceLocator,
});

/** Of letters, digits, dots and hyphens only. */
const spdxId = (...words: readonly string[]): string =>
  `SPDXRef-${words.join("-").replaceAll(/[^A-Za-z0-9.-]/g, "-")}`;

const relation = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string) => ({
  spdxElementId,
  relationshipType,
  relatedSpdxElement,
});
