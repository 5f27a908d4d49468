import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readRowFiles, writeRows } from "../../../../testnet/data/rows.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "klatch-rows-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

test("a folder gives its data files in name order, JSONL and CSV", async () => {
  write("b.jsonl", '{"text":"two"}\n\n{"text":"three"}\n');
  write("a.csv", "prompt,completion\nhow,so\n");
  write("notes.md", "not data");

  expect(await readRowFiles(folder, "--data")).toEqual([
    { name: "a", rows: [{ prompt: "how", completion: "so" }] },
    { name: "b", rows: [{ text: "two" }, { text: "three" }] },
  ]);
});

test("a folder with splits gives those for its use, and says what it leaves aside", async () => {
  for (const name of ["train", "valid", "test"]) write(`${name}.jsonl`, `{"text":"${name}"}\n`);
  write("dataset_info.json", "{}");
  const said: string[] = [];
  const say = (note: string) => said.push(note);

  const names = async (use?: "test") =>
    (await readRowFiles(folder, "--data", { say, ...(use ? { use } : {}) })).map(
      ({ name }) => name,
    );
  expect(await names()).toEqual(["train"]);
  expect(await names("test")).toEqual(["test"]);
  expect(said).toEqual([
    `${folder}: 1 file of train read; left aside: 1 file of test, 1 file of validation`,
    `${folder}: 1 file of test read; left aside: 1 file of train, 1 file of validation`,
  ]);
});

test("rows come back from a file as they were written", async () => {
  const rows = [{ text: "line\nbreak" }, { text: "ünï", label: 3 }];
  const file = join(folder, "rows.jsonl");

  writeRows(file, rows);

  expect((await readRowFiles(file, "--data"))[0]?.rows).toEqual(rows);
});

test.each([
  ["bad.jsonl", '{"text":"fine"}\n{"text":', /bad\.jsonl:2: not valid JSON/],
  ["list.jsonl", "[1]\n", /list\.jsonl:1: the row is not a JSON object/],
  ["empty.jsonl", "\n", /empty\.jsonl holds no rows/],
  ["bad.csv", 'a,b\n"1,2\n', /bad\.csv:\d+: not valid CSV/],
])("%s is refused with its place", async (name, text, message) => {
  write(name, text);

  await expect(readRowFiles(join(folder, name), "--data")).rejects.toThrow(message);
});

test("a missing path and an empty folder are named with their flag", async () => {
  await expect(readRowFiles(join(folder, "nothing"), "--data")).rejects.toThrow(
    /--data .*nothing does not exist/,
  );
  await expect(readRowFiles(folder, "--test")).rejects.toThrow(/--test .* holds no data files/);
});
