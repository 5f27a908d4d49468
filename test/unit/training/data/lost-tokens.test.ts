import { beforeAll, describe, expect, it } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { splitHeldOut } from "../../../../src/training/data/dataset/split.ts";
import { encodeExample } from "../../../../src/training/data/examples/encode.ts";
import type { RowText } from "../../../../src/training/data/examples/row-text.ts";
import type { Tokenizer } from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { withTemplate } from "./chat/chat-models.ts";
import { loadFiles, tinyTokenizer } from "./data-files.ts";

// One id a letter; BOS, EOS and " :" have three more.
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await tinyTokenizer();
});

const encode = (row: RowText, max: number) => encodeExample(tokenizer, row, max);
const pair = (prompt: string, completion: string): RowText => ({
  format: "prompt",
  prompt,
  completion,
});

describe("what a row loses that is longer than the context", () => {
  it("is not counted to its end when it is a thousand times too long: so many are lost at least", () => {
    const lost = (characters: number) => encode(pair("a", "e".repeat(characters)), 16)?.lost;
    // A control within the bound, and one beyond it.
    expect(lost(60_000)).toEqual({ tokens: 60_005 - 16, isLeast: false });
    const most = lost(4_000_000);
    expect(most).toMatchObject({ isLeast: true });
    expect(most?.tokens).toBeGreaterThan(60_000);
    expect(most?.tokens).toBeLessThanOrEqual(4_000_005 - 16);
    // A context that keeps more of a text has more of it counted.
    const wide = encode(pair("a", "e".repeat(100_000)), 2048)?.lost;
    expect(wide).toEqual({ tokens: 100_005 - 2048, isLeast: false });
  });

  it("is learned, too, when what is cut away holds what the tokenizer has no token for", () => {
    const encodeKnown = (text: string) => {
      if (text.includes("?")) throw new KlatchError("incompatible", "no token", "");
      return tokenizer.encode(text);
    };
    const strict: Tokenizer = { ...tokenizer, encode: encodeKnown };
    const row: RowText = { format: "text", text: `${"d".repeat(500)}?` };
    const example = encodeExample(strict, row, 16);
    expect(example?.ids).toHaveLength(16);
    expect(example?.lost?.isLeast).toBe(true);
    expect(example?.lost?.tokens).toBeGreaterThan(0);
    // Control: what would be learned is refused as before.
    expect(() => encodeExample(strict, { format: "text", text: "d?" }, 16)).toThrow("no token");
  });

  it("is counted of a conversation, whichever end of it goes", async () => {
    const chat = await withTemplate(
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}",
    );
    const turn = (role: string, content: string) => ({ role, content });
    const read = (words: string, answer: string, max: number) => {
      const messages = [turn("user", words), turn("assistant", answer)];
      return encodeExample(chat, { format: "chat", messages }, max);
    };
    for (const [words, answer, max] of [
      ["Hi", "y".repeat(99), 30],
      ["x".repeat(500), "Hello", 24],
      ["x".repeat(500), "y".repeat(5000), 40],
    ] as const) {
      const whole = read(words, answer, 10_000);
      expect(whole).toMatchObject({ truncated: false });
      expect(whole).not.toHaveProperty("lost");
      const cut = read(words, answer, max);
      const kept = cut?.ids.length ?? 0;
      const { length } = chat.encode(
        chat.chat?.render([turn("user", words), turn("assistant", answer)], false) ?? "",
      );
      expect(cut?.lost).toEqual({ tokens: length - kept, isLeast: false });
    }
  });

  it("is shared out between the rows that are held out and the others", async () => {
    const texts = Array.from({ length: 20 }, (_, i) => "abcde".charAt(i % 5).repeat(3 + i));
    const rows = texts.map((text) => JSON.stringify({ text })).join("\n");
    const set = await loadFiles({ "a.jsonl": rows }, tokenizer, { max: 8 });
    const { train, heldOut } = splitHeldOut(set, 0.25, 7);

    // Each has BOS and EOS, too.
    const lost = texts.reduce((sum, text) => sum + Math.max(0, text.length + 2 - 8), 0);
    const { truncated, cut } = set.summary;
    expect(cut).toEqual({ kept: 8 * truncated, lost, isLeast: false });
    const parts = [train.summary, heldOut.summary];
    for (const part of parts) expect(part.cut?.kept).toBe(8 * part.truncated);
    expect(parts.reduce((sum, part) => sum + (part.cut?.lost ?? 0), 0)).toBe(lost);
    const whole = await loadFiles({ "a.jsonl": rows }, tokenizer, { max: 64 });
    expect(splitHeldOut(whole, 0.25, 7).train.summary).not.toHaveProperty("cut");
  });
});
