import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/random.ts";
import { type DemoData, writeDemoData } from "../../../testnet/texts/demo-data.ts";
import { URGENCIES } from "../../../testnet/texts/everyday.ts";
import { type MessageRow, messageRow } from "../../../testnet/texts/organisation.ts";
import { ORGANISATIONS, pretrainingTexts } from "../../../testnet/texts/pretraining-text.ts";
import { inFolder } from "../training/files/tiny-model.ts";

const rowsOf = async (file: string): Promise<MessageRow[]> =>
  (await readFile(file, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

async function readAll({ train, test }: DemoData) {
  return { train: await Promise.all(train.map(rowsOf)), test: await rowsOf(test) };
}

const OPTIONS = { seed: 5, rowsPerOrganisation: 120, testRows: 40 };

describe("the demonstration's data", () => {
  it("are four private files of one organisation each and a common test set that none of them contains", async () => {
    await inFolder(async (folder) => {
      const { train, test } = await readAll(await writeDemoData(folder, OPTIONS));
      const names = ["hospital", "bank", "university", "city"];
      expect(train.map((rows) => rows.length)).toEqual([120, 120, 120, 120]);
      expect(train.map((rows) => [...new Set(rows.map((row) => row.organisation))])).toEqual(
        names.map((name) => [name]),
      );
      // 40 test rows: ten from each.
      expect(names.map((name) => test.filter((row) => row.organisation === name).length)).toEqual([
        10, 10, 10, 10,
      ]);
      const known = new Set(train.flat().map((row) => row.prompt));
      expect(test.filter((row) => known.has(row.prompt))).toEqual([]);
      expect(known.size).toBe(480);
    });
  });

  it("are the same bytes for the same seed and others for another", async () => {
    await inFolder(async (folder) => {
      const bytes = async (name: string, seed: number) => {
        const { train, test } = await writeDemoData(join(folder, name), { ...OPTIONS, seed });
        return await Promise.all([...train, test].map((file) => readFile(file, "utf8")));
      };
      const first = await bytes("a", 5);
      expect(await bytes("b", 5)).toEqual(first);
      expect(await bytes("c", 6)).not.toEqual(first);
    });
  });

  it("have no answer in common between organisations except how soon", () => {
    const desks = ORGANISATIONS.flatMap((organisation) =>
      organisation.desks.map(({ name }) => name),
    );
    expect(new Set(desks).size).toBe(desks.length);
    expect(desks).toHaveLength(24);
  });

  it("answer every message with one of its organisation's desks and an urgency, in full sentences", () => {
    const random = seededRandom(9);
    for (const organisation of ORGANISATIONS) {
      const prompts = new Set<string>();
      for (let i = 0; i < 500; i++) {
        const { prompt, completion, label } = messageRow(organisation, random);
        prompts.add(prompt);
        expect(prompt).toMatch(/^[A-Z0-9][^{}]*[.?]$/);
        expect(organisation.desks.map(({ name }) => name)).toContain(label);
        expect(URGENCIES.map((urgency) => `${label}, ${urgency}`)).toContain(completion);
      }
      // Messages are drawn from far more than 500 possible ones.
      expect(prompts.size).toBeGreaterThan(490);
    }
  });
});

describe("the pre-training texts", () => {
  it("follow from the seed, have no open slot, and never hold an answer of the demonstration", () => {
    const answers = ORGANISATIONS.flatMap(({ desks }) =>
      desks.flatMap(({ name }) => URGENCIES.map((urgency) => `${name}, ${urgency}`)),
    );
    const texts = pretrainingTexts(3);
    const again = pretrainingTexts(3);
    for (let i = 0; i < 2000; i++) {
      const text = texts.next().value;
      expect(again.next().value).toBe(text);
      expect(text).not.toMatch(/[{}]/);
      expect(answers.filter((answer) => text.includes(answer))).toEqual([]);
    }
    expect(pretrainingTexts(4).next().value).not.toBe(pretrainingTexts(3).next().value);
  });

  it("have tens of thousands of different sentences", () => {
    const texts = pretrainingTexts(1);
    const sentences = new Set<string>();
    for (let i = 0; i < 12_000; i++) {
      for (const sentence of texts.next().value.split(/(?<=[.?]) /)) sentences.add(sentence);
    }
    expect(sentences.size).toBeGreaterThan(20_000);
  });
});
