import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseOptions } from "../../../../testnet/options.ts";
import { readScenario } from "../../../../testnet/scenario/scenario-file.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const SCENARIOS = join(import.meta.dirname, "../../../../testnet/scenarios");
const names = readdirSync(SCENARIOS);

function written(text: string): string {
  const file = join(temporaryFolder(), "scenario.yaml");
  writeFileSync(file, text);
  return file;
}

test.each(names)("%s is one, and something must come of it", (name) => {
  const options = parseOptions(readScenario(join(SCENARIOS, name)));
  expect(options.faults.length).toBeGreaterThan(0);
  expect(Object.keys(options.expect).length).toBeGreaterThan(1);
});

test("there are scenarios (control)", () => {
  expect(names).toContain("hospital.yaml");
});

test("places are from where the file lies, and flags come after it", () => {
  const file = written("data: rows\nmodel: bundled\ntest: /test.jsonl\npeers: 3\n");
  const told = readScenario(file);
  expect(told).toMatchObject({
    data: join(file, "../rows"),
    model: "bundled",
    test: "/test.jsonl",
  });
  expect(parseOptions({ ...told, peers: 5 }).peers).toBe(5);
});

test("without data there are the made-up messages, with the bundled model", () => {
  expect(parseOptions(readScenario(written("")))).toMatchObject({
    data: "bundled",
    model: "bundled",
  });
});

const fault = (text: string) => `faults:\n  - { ${text} }\n`;

test.each([
  ["peers: 1", /scenario\.yaml: peers: /],
  ["colour: red", /colour/],
  ["- 1", /expected object/],
  ["peers: [", /scenario\.yaml: /],
  [fault("do: burn, peer: 1, round: 2"), /faults: 0: do: /],
  [fault("do: kill, peer: 0, round: 2"), /faults: 0: peer: /],
  [fault("do: kill, peer: 1"), /needs round or second/],
  [fault("do: kill, peer: 1, round: 2, second: 3"), /needs round or second/],
  [fault("do: pause, peer: 1, round: 2"), /how long/],
  [fault("do: pause, peer: 1, round: 2, rounds: 1, seconds: 1"), /rounds and seconds/],
  [fault("do: pause, peer: 1, second: 2, rounds: 1"), /before round 2/],
  [fault("do: kill, peer: 1, round: 1.5"), /before round 2/],
  [fault("do: kill, peer: 1, round: 2, loud: true"), /loud/],
  [fault("do: fill-disk, peer: 1, round: 2, seconds: 1, size: huge"), /expected bytes/],
  [
    "faults:\n  - { do: join, peer: 1, round: 2 }\n  - { do: join, peer: 1, round: 3 }",
    /joins once/,
  ],
  [
    `${fault("do: part, peers: [1], round: 2, seconds: 1")}  - { do: part, peers: [2], round: 3, seconds: 1 }`,
    /the same peers/,
  ],
  ["clocks: { 0: 5 }", /clocks/],
  ["expect: { finished: false }", /expect: finished: /],
  ["expect: { certified: 0 }", /expect: certified: /],
])("%j is refused by file and key", (text, message) => {
  expect(() => readScenario(written(text))).toThrow(message);
});

test("a file that there is not is named", () => {
  expect(() => readScenario("/nowhere/scenario.yaml")).toThrow(
    "/nowhere/scenario.yaml: no such file",
  );
});

test.each([
  [{ faults: [{ do: "kill", peer: 5, round: 2 }] }, /no peer 5 among 4/],
  [{ clocks: { 9: 60 } }, /no peer 9 among 4/],
  [{ faults: [{ do: "kill", peer: 4, round: 13 }] }, /no round 13 among 12/],
  [{ faults: [{ do: "part", peers: [1, 2, 3, 4], round: 2, seconds: 1 }] }, /part nobody/],
])("%j finds no peer or round", (change, message) => {
  expect(() => parseOptions(change)).toThrow(message);
});
