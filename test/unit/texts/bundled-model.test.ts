import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/random.ts";
import { loadBaseModel } from "../../../src/training/base/base-model.ts";
import { DEFAULT_SEPARATOR } from "../../../src/training/data/examples/separator.ts";
import { loadTokenizer } from "../../../src/training/data/tokenizer/tokenizer.ts";
import { messageRow } from "../../../testnet/texts/organisation.ts";
import { ORGANISATIONS } from "../../../testnet/texts/pretraining-text.ts";

const FOLDER = "testnet/model";

describe("the bundled base model", () => {
  it("takes at most 4 MB and comes with its card", async () => {
    const files = await readdir(FOLDER);
    expect(files.sort()).toEqual([
      "README.md",
      "config.json",
      "loss-curve.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const sizes = await Promise.all(
      files.map(async (name) => (await stat(join(FOLDER, name))).size),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(4_000_000);
  });

  it("is a tied Llama-type model whose tokenizer fills its vocabulary exactly", async () => {
    const model = await loadBaseModel(FOLDER);
    const tokenizer = await loadTokenizer(FOLDER);
    expect(model.definition.head).toBe("model.embed_tokens.weight");
    expect(tokenizer.vocabSize).toBe(model.definition.vocabSize);
  });

  it("learned from its texts: the validation loss fell below a third of that of chance", async () => {
    const { points } = JSON.parse(await readFile(join(FOLDER, "loss-curve.json"), "utf8"));
    const { definition } = await loadBaseModel(FOLDER);
    const chance = Math.log(definition.vocabSize);
    expect(points[0].validationLoss).toBeCloseTo(chance, 0);
    expect(points.at(-1).validationLoss).toBeLessThan(chance / 3);
  });

  it("reads the demonstration's messages in few tokens and gives them back", async () => {
    const tokenizer = await loadTokenizer(FOLDER);
    const random = seededRandom(2);
    for (const organisation of ORGANISATIONS) {
      for (let i = 0; i < 50; i++) {
        const { prompt } = messageRow(organisation, random);
        const ids = tokenizer.encode(prompt + DEFAULT_SEPARATOR);
        expect(tokenizer.decode(ids)).toBe(` ${prompt}${DEFAULT_SEPARATOR}`);
        // A word is one token or, when it is rare, a few.
        expect(ids.length).toBeLessThan(2.5 * prompt.split(" ").length + 4);
      }
    }
  });
});
