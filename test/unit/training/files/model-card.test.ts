import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { AdapterExport } from "../../../../src/training/adapters/peft/adapter-export.ts";
import { CARD_MARK, modelCard } from "../../../../src/training/adapters/peft/model-card.ts";
import { loraConfig } from "../../../../src/training/adapters/peft/peft-config.ts";
import { writePeft } from "../../../../src/training/adapters/peft/peft-writer.ts";
import { readLicence } from "../../../../src/training/files/licence.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const adapter: AdapterExport = {
  layout: { tensors: [{ name: "a", shape: [2], offset: 0 }], length: 2, digest: "0".repeat(64) },
  values: Float32Array.of(1, 2),
  config: loraConfig({ rank: 2, alpha: 4, targets: ["q_proj", "v_proj"] }),
  baseModel: "some-lab/tiny",
  baseRevision: "c0ffee",
  baseDigest: "a".repeat(64),
  format: "prompt",
  separator: " :",
  promptEnd: " :",
  licence: "apache-2.0",
  origin: { runId: "b".repeat(64), round: 12 },
  story: {
    run: { name: "triage", rounds: 20, members: 4 },
    figures: [["loss on held-out rows", "1.2345 nats"]],
  },
};

/** The head of a card as a hub reads it, and the text below. */
function read(card: string): readonly [Record<string, unknown>, string] {
  const [, head = "", body = ""] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(card) ?? [];
  return [parse(head) as Record<string, unknown>, body];
}

describe("the card of an adapter", () => {
  test("has the head that hubs read", () => {
    expect(read(modelCard(adapter))[0]).toEqual({
      base_model: "some-lab/tiny",
      base_model_relation: "adapter",
      library_name: "peft",
      license: "apache-2.0",
      pipeline_tag: "text-generation",
      tags: ["base_model:adapter:some-lab/tiny", "lora", "klatch"],
    });
  });

  test("tells base, method, run, round, members and figures, and how a prompt is laid out", () => {
    const [, body] = read(modelCard(adapter));

    for (const told of [
      ...["`some-lab/tiny` at commit `c0ffee`", "a".repeat(64), "LORA, rank 2, alpha 4, on q_proj"],
      ...["b".repeat(64), "| round | 12 of 20 |", "4 members", "1.2345 nats"],
      ...['Behind a prompt stands " :"', 'tokenizer(prompt + " :"'],
    ]) {
      expect(body).toContain(told);
    }
  });

  test.each([
    ["text", "Trained on plain texts"],
    ["alpaca", "Stanford Alpaca's template"],
    ["chat", "apply_chat_template"],
  ] as const)("of %s says so", (format, told) => {
    expect(modelCard({ ...adapter, format })).toContain(told);
  });

  test("of one party names no run, and a folder by its last name alone", () => {
    const { origin: _, story: __, licence: ___, ...alone } = adapter;
    const [head, body] = read(modelCard({ ...alone, baseModel: "/home/ann/models/tiny" }));

    expect(head).toMatchObject({ base_model: "tiny" });
    expect(head).not.toHaveProperty("license");
    expect(body).toContain("by one party on its own data");
    expect(body).not.toMatch(/ann|\| run \|/);
    const lonely = { ...adapter, story: { run: { name: "own", rounds: 20, members: 1 } } };
    expect(modelCard(lonely)).toContain("by one party on its own data");
  });

  test("of a classifier has its classes and asks for no text", () => {
    const [head, body] = read(modelCard({ ...adapter, classes: ["low", "high"] }));

    expect(head).not.toHaveProperty("pipeline_tag");
    expect(body).toContain("| classes | 2, named in klatch.json |");
    expect(body).toContain("AutoPeftModelForSequenceClassification");
    expect(body).toContain("num_labels=2");
  });

  test("that was folded into the weights is that of a model", () => {
    const [head, body] = read(modelCard(adapter, "merged"));
    expect(head).toEqual({
      base_model: "some-lab/tiny",
      base_model_relation: "finetune",
      library_name: "transformers",
      license: "apache-2.0",
      pipeline_tag: "text-generation",
      tags: ["klatch"],
    });
    for (const told of [
      ...["# some-lab/tiny, fine-tuned", "on q_proj, v_proj, folded into the weights"],
      ...["| round | 12 of 20 |", "4 members", "1.2345 nats", 'Behind a prompt stands " :"'],
      ...['AutoModelForCausalLM.from_pretrained("FOLDER")', 'tokenizer(prompt + " :"'],
    ]) {
      expect(body).toContain(told);
    }
    expect(body).not.toMatch(/peft/i);
    const classifier = modelCard({ ...adapter, classes: ["low", "high"] }, "merged");
    expect(classifier).toContain("AutoModelForSequenceClassification");
    expect(classifier).toContain("| classes | 2, named in config.json |");
  });

  test("is written beside the adapter, and never over what a person wrote", async () => {
    const folder = temporaryFolder();
    const card = join(folder, "README.md");
    await writePeft(folder, adapter);
    expect(readFileSync(card, "utf8")).toBe(modelCard(adapter));
    await writePeft(folder, { ...adapter, origin: { runId: "b".repeat(64), round: 13 } });
    expect(readFileSync(card, "utf8")).toContain("13 of 20");

    writeFileSync(card, "My own words.");
    await writePeft(folder, adapter);

    expect(readFileSync(card, "utf8")).toBe("My own words.");
    expect(modelCard(adapter)).toContain(CARD_MARK);
    expect(existsSync(join(folder, "klatch.json"))).toBe(true);
  });
});

describe("the licence of a model", () => {
  test.each([
    [{ "README.md": "---\nlanguage: en\nlicense: llama3.2\n---\n# Tiny" }, "llama3.2"],
    [
      { "README.md": "# Tiny\nlicense: none of it", LICENSE: "   Apache License\n  Version 2.0" },
      "apache-2.0",
    ],
    [{ "LICENSE.txt": "MIT License\n\nCopyright" }, "mit"],
    [{ LICENSE: "All rights reserved." }, null],
    [{}, null],
  ])("of %j is %j", async (files, expected) => {
    const folder = temporaryFolder();
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);

    expect(await readLicence(folder)).toBe(expected);
  });
});
