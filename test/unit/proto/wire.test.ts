import { readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";

const repository = join(import.meta.dirname, "../../..");
const source = readFileSync(join(repository, "proto/csi.proto"), "utf8");
const facts = readFileSync(join(repository, "test/fixtures/csi-1.12-wire.txt"), "utf8").trimEnd().split("\n");

const all = flatten(protobuf.parse(source, { keepCase: true }).root);
const messages = all.filter((object) => object instanceof protobuf.Type);
const enums = all.filter((object) => object instanceof protobuf.Enum);
const services = all.filter((object) => object instanceof protobuf.Service);
const fields = messages.flatMap((message) => message.fieldsArray);
const extensions = all
  .filter((object) => object instanceof protobuf.Field)
  .filter((field) => field.extend !== undefined);

function flatten(namespace: protobuf.NamespaceBase): readonly protobuf.ReflectionObject[] {
  return namespace.nestedArray.flatMap((object) => [
    object,
    ...(object instanceof protobuf.Namespace ? flatten(object) : []),
  ]);
}

function fieldType(field: protobuf.Field): string {
  if (field instanceof protobuf.MapField) return `map<${field.keyType},${field.type}>`;
  return field.repeated ? `repeated ${field.type}` : field.type;
}

function fieldFact(field: protobuf.Field): string {
  const oneof = field.partOf === null ? "" : ` oneof ${field.partOf.name}`;
  return `${field.fullName} = ${field.id} ${fieldType(field)}${oneof}`;
}

function enumFacts({ fullName, values }: protobuf.Enum): readonly string[] {
  return Object.entries(values).map(([name, number]) => `enum ${fullName}.${name} = ${number}`);
}

function methodFact(method: protobuf.Method): string {
  const request = `${method.requestStream === true ? "stream " : ""}${method.requestType}`;
  const response = `${method.responseStream === true ? "stream " : ""}${method.responseType}`;
  return `rpc ${method.fullName} (${request}) (${response})`;
}

const declared = [
  ...fields.map(fieldFact),
  ...enums.flatMap(enumFacts),
  ...services.flatMap((service) => service.methodsArray.map(methodFact)),
];

describe("proto/csi.proto, compared with the facts of CSI 1.12", () => {
  test("the list of facts is complete", () => {
    expect(new Set(facts).size).toBe(275);
  });

  test("nothing is missing", () => {
    expect(facts.filter((fact) => !declared.includes(fact))).toEqual([]);
  });

  test("nothing is extra", () => {
    expect(declared.filter((line) => !facts.includes(line))).toEqual([]);
  });

  test("the package is csi.v1 and the syntax proto3", () => {
    expect(source).toMatch(/^syntax = "proto3";\npackage csi\.v1;$/m);
  });

  test("no message is declared that no rpc and no field uses", () => {
    const methods = services.flatMap((service) => service.methodsArray);
    const types = methods.flatMap((method) => [method.requestType, method.responseType]);
    const used = new Set([...types, ...fields.map((field) => field.type)]);
    expect(messages.filter((message) => !used.has(message.name))).toEqual([]);
  });

  test("the fields that carry csi_secret are exactly those named secrets", () => {
    const secret = fields.filter((field) => field.getOption("(csi_secret)") === true);
    const named = fields.filter((field) => field.name === "secrets");
    expect(named).not.toEqual([]);
    expect(secret.map((field) => field.fullName)).toEqual(named.map((field) => field.fullName));
  });

  test("the markers extend protobuf's options under their own numbers", () => {
    const markers = extensions.map((field) => `${field.extend}.${field.name} = ${field.id}`);
    expect(markers).toEqual([
      "google.protobuf.EnumOptions.alpha_enum = 1060",
      "google.protobuf.EnumValueOptions.alpha_enum_value = 1060",
      "google.protobuf.FieldOptions.csi_secret = 1059",
      "google.protobuf.FieldOptions.alpha_field = 1060",
      "google.protobuf.MessageOptions.alpha_message = 1060",
      "google.protobuf.MethodOptions.alpha_method = 1060",
      "google.protobuf.ServiceOptions.alpha_service = 1060",
    ]);
  });
});
