import type { Skip } from "../runner/tally.ts";

/** What one run of csi-sanity counted. */
export interface SanityReport {
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly message: string }[];
  readonly skipped: readonly Skip[];
}

/**
 * Capabilities that dmthin does not have, as csi-sanity words it. A case skipped for another reason is one of a
 * capability that dmthin claims, and counts as failed.
 */
const EXPECTED_SKIPS: readonly RegExp[] = [
  /^ControllerModifyVolume not supported$/,
  /^Modify volume not supported$/i,
  /^Controller(Publish|Unpublish)Volume not supported$/,
  /^Controller Publish, UnpublishVolume not supported$/,
  /^disabled in csi-sanity itself$/,
];

export const isExpectedSkip = ({ reason }: Skip): boolean => EXPECTED_SKIPS.some((each) => each.test(reason));

/**
 * Reads the JUnit file of ginkgo: `<testcase name="[It] …" status="…">` with a first child `<skipped message="skipped - …">` or
 * `<failure message="…">`. A suite that broke outside of its cases is a failure too. Throws SyntaxError where there is
 * no case at all.
 */
export function parseSanityReport(xml: string): SanityReport {
  const cases = [
    ...xml.matchAll(/<testcase ([^>]*)>\s*(?:<(skipped|failure|error) message="([^"]*)")?/g),
  ].map(([, attributes = "", , message = ""]) => ({
    name: decode(attributeOf(attributes, "name")).replace(/^\[It\] /, ""),
    status: attributeOf(attributes, "status"),
    message: decode(message),
  }));
  const tests = cases.filter(({ name, status }) => !(name.startsWith("[") && status === "passed"));
  if (tests.length === 0) throw new SyntaxError(`no test case in ${xml.slice(0, 200)}`);
  const isSkip = (status: string): boolean => status === "skipped" || status === "pending";
  return {
    passed: tests.filter(({ status }) => status === "passed").length,
    failed: tests
      .filter(({ status }) => status !== "passed" && !isSkip(status))
      .map(({ name, message, status }) => ({ name, message: message === "" ? status : message })),
    skipped: tests
      .filter(({ status }) => isSkip(status))
      .map(({ name, status, message }) => ({
        name,
        reason: status === "pending" ? "disabled in csi-sanity itself" : message.replace(/^skipped - /, ""),
      })),
  };
}

const attributeOf = (attributes: string, name: string): string =>
  new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replaceAll(/&(#x?[0-9a-fA-F]+|[a-z]+);/g, (whole, entity: string) => {
    if (!entity.startsWith("#")) return ENTITIES[entity] ?? whole;
    const hex = entity.startsWith("#x");
    return String.fromCodePoint(Number.parseInt(entity.slice(hex ? 2 : 1), hex ? 16 : 10));
  });
}
