import { describe, expect, test } from "vitest";
import { bitsPerSecondIn, bytesIn } from "../../../../src/node/budget/units.ts";
import { parseConfig } from "../../../../src/node/config/load.ts";

describe("bytes", () => {
  test.each([
    ["64KiB", 65_536],
    ["64 KiB", 65_536],
    ["64kB", 64_000],
    ["64KB", 64_000],
    ["1.5MB", 1_500_000],
    ["2MiB", 2_097_152],
    ["1GiB", 1_073_741_824],
    ["65536", 65_536],
    ["65536B", 65_536],
    ["1.00001KiB", 1024],
    // the bounds
    ["1KiB", 1024],
    ["1024", 1024],
    ["1TiB", 1_099_511_627_776],
  ])("%s is %i", (text, count) => {
    expect(bytesIn(text)).toBe(count);
  });

  test.each([
    ...["", " ", "KiB", "64Kib", "64 kib", "64Kb", "10Mbit", "64  KiB", "64KiB ", " 64KiB", "64K"],
    ...["-1KiB", "+1KiB", "1e6", "0x400", "1_000_000", "1,5MB", "1.MB", ".5MB", "NaN", "Infinity"],
    ...["64iB", "64KiBB", "64KiB/s", "1PiB", "٦٤KiB"],
    // beyond the bounds
    ...["0", "1023", "1023B", "1.1TiB", "2TiB", "9".repeat(400)],
  ])("%j is none", (text) => {
    expect(bytesIn(text)).toBeNull();
  });
});

describe("speeds", () => {
  test.each([
    ["10Mbit", 10_000_000],
    ["10 Mbit/s", 10_000_000],
    ["2.5Gbit", 2_500_000_000],
    ["512kbit", 512_000],
    ["10000000", 10_000_000],
    ["10000000bit", 10_000_000],
    ["1kbit", 1000],
    ["1Tbit/s", 1_000_000_000_000],
  ])("%s is %i bits a second", (text, speed) => {
    expect(bitsPerSecondIn(text)).toBe(speed);
  });

  test.each([
    ...["", "Mbit", "10MB", "10Mb", "10Mibit", "10mbit", "10Mbit/h", "10Mbps", "-1Mbit", "1e6"],
    ...["999", "999bit", "2Tbit"],
  ])("%j is none", (text) => {
    expect(bitsPerSecondIn(text)).toBeNull();
  });
});

describe("in the configuration", () => {
  test("a size may be written with its unit or as a number, and reads back as it was kept", () => {
    const { run, network } = parseConfig(
      { run: { bytesPerRound: "64KiB" }, network: { link: "10Mbit" } },
      "/",
    );

    expect([run.bytesPerRound, network.link]).toEqual([65_536, 10_000_000]);
    expect(parseConfig({ run, network }, "/").run.bytesPerRound).toBe(65_536);
    expect(parseConfig({}, "/").run.bytesPerRound).toBeNull();
  });

  test.each([
    [{ run: { bytesPerRound: "10Mbit" } }, /run.bytesPerRound: expected bytes such as 64KiB/],
    [{ run: { bytesPerRound: 12 } }, /run.bytesPerRound: expected bytes/],
    [{ run: { bytesPerRound: true } }, /run.bytesPerRound: expected bytes/],
    [{ network: { link: "64KiB" } }, /network.link: expected a speed such as 10Mbit/],
  ])("%j is refused in one line", (tree, message) => {
    expect(() => parseConfig(tree, "/")).toThrow(message);
  });
});
