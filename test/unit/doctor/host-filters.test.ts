import { describe, expect, test } from "vitest";

import { judgeLvm } from "../../../src/doctor/lvm-filter.ts";
import { judgeMultipath } from "../../../src/doctor/multipath.ts";

const lvm = (devices: string, devicesFile = false) =>
  judgeLvm({
    configuration: `config { checks = 1 }\ndevices {\n${devices}\n}\nlog { verbose = 0 }\n`,
    devicesFile,
  });

/** As docs/guides/lvm-and-multipath-filters.md has it. */
const GUIDE =
  '    global_filter = [ "r|^/dev/mapper/dmthin-|", "r|^/dev/disk/by-id/dm-name-dmthin-|", "r|^/dev/disk/by-id/dm-uuid-DMTHIN-|" ]';

describe("LVM's filter", () => {
  test.each<[string, string, string]>([
    ["the one of the guide", GUIDE, "ok"],
    ["none", '    dir = "/dev"', "warn"],
    ["one that is commented out", `# ${GUIDE.trim()}`, "warn"],
    ["one that accepts all first", '    global_filter = [ "a|.*|", "r|^/dev/mapper/dmthin-|" ]', "fail"],
    [
      "one that accepts another name of the volume",
      '    global_filter = [ "r|^/dev/mapper/dmthin-|", "a|^/dev/disk/by-id/|" ]',
      "fail",
    ],
    ["one that names other devices only", '    global_filter = [ "r|^/dev/sda|" ]', "fail"],
    [
      "one that accepts some disks and rejects the rest",
      '    global_filter = [ "a|^/dev/nvme0n1p3$|", "r|.*|" ]',
      "ok",
    ],
    [
      "one over several lines, with other delimiters",
      '    global_filter = [\n "r#^/dev/mapper/dmthin-#",\n "r!dm-(name|uuid)-(dmthin|DMTHIN)-!" ]',
      "ok",
    ],
    ["one that is not understood", '    global_filter = [ "x|.*|" ]', "unknown"],
    ["one with a broken expression", '    global_filter = [ "r|(|" ]', "unknown"],
  ])("%s", (_what, devices, verdict) => {
    expect(lvm(devices).verdict).toBe(verdict);
  });

  test("is not needed with a devices file, unless that is switched off", () => {
    expect(lvm("", true).verdict).toBe("ok");
    expect(lvm("    use_devicesfile = 1", true).verdict).toBe("ok");
    expect(lvm("    use_devicesfile = 0", true).verdict).toBe("warn");
    expect(lvm("    use_devicesfile = 1", false).verdict).toBe("warn");
  });

  test("is not needed without lvm2", () => {
    expect(judgeLvm({ configuration: undefined, devicesFile: false }).verdict).toBe("ok");
  });
});

describe("multipath", () => {
  test.each<[string, string | undefined, string]>([
    ["none", undefined, "ok"],
    ["the blacklist of the guide", 'blacklist {\n    devnode "^(dm-|loop)"\n}\n', "ok"],
    ["two blacklists", 'blacklist { devnode "^dm-[0-9]" }\nblacklist {\n devnode "^loop"\n}', "ok"],
    ["one that lacks loop devices", 'blacklist { devnode "^dm-" }', "warn"],
    ["one that is commented out", 'blacklist {\n# devnode "^(dm-|loop)"\n}', "warn"],
    ["nothing of the kind", "defaults { user_friendly_names yes }", "warn"],
  ])("%s", (_what, configuration, verdict) => {
    expect(judgeMultipath(configuration).verdict).toBe(verdict);
  });
});
