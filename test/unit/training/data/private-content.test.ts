import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { dataNotes, describeExamples } from "../../../../src/node/view/data-notes.ts";
import { loadDataset } from "../../../../src/training/data/dataset/dataset.ts";
import { readLabelledDataset } from "../../../../src/training/data/dataset/labelled.ts";
import { inFolder } from "../files/tiny-model.ts";
import { parquet, tinyTokenizer, writeFiles } from "./data-files.ts";
import { failure, leaks, refuses, SECRET } from "./private-text.ts";

const json = JSON.stringify;

describe("a chat template refuses a conversation without a word of it", () => {
  const row = json({
    messages: [
      { role: SECRET, content: SECRET, [SECRET]: 1 },
      { role: "assistant", content: SECRET },
    ],
  });
  const templates: readonly (readonly [template: string, says: RegExp])[] = [
    ["{{ raise_exception('roles must alternate') }}", /conversation: roles must alternate$/],
    ["{{ raise_exception('No such role: ' + messages[0].role) }}", /: No such role: \.\.\.$/],
    ["{{ raise_exception(messages[0].content + ' is no role') }}", /refuses this conversation$/],
    ["{{ raise_exception(messages) }}", /refuses this conversation$/],
    ["{{ raise_exception(messages | tojson) }}", /refuses this conversation$/],
    [
      "{% macro m(a) %}{% endmacro %}{{ m(**messages[0]) }}",
      /: a macro is given an argument that it does not have$/,
    ],
    [
      "{{ messages | selectattr('role', messages[0].role) | list }}",
      /: a test is named that there is not$/,
    ],
    ["{{ messages[0].content | nothing }}", /: Unknown filter: nothing$/],
    ["{{ messages[0].content() }}", /: Cannot call something that is not a function/],
    ["{{ range(messages[0].content) }}", /: range\(\) takes whole numbers$/],
    ["{% for m in messages %}{{ m.role }}{% endfor %}", /does not show the answer in turn 2/],
    ["{% for a in range(10 ** 12) %}{% endfor %}", /the chat template makes too much/],
  ];
  for (const [chat, says] of templates) refuses({ chat }, [[chat, "a.jsonl", row, says]]);
});

const create = { width: 4, height: 4, channels: 3, background: "red" } as const;
const png = await sharp({ create }).png().toBuffer();

describe("an image that cannot be read is refused without a word of it", () => {
  const base64 = (content: string | Uint8Array) => Buffer.from(content).toString("base64");
  const image = (content: string | Uint8Array, label = "a") =>
    json({ image: base64(content), label });
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4">';
  const head = Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1");
  refuses("images", [
    ["text for an image", "a.jsonl", json({ image: SECRET, label: "a" }), /:1: .*holds no image/],
    [
      "a list for an image",
      "a.jsonl",
      json({ image: [SECRET], label: "a" }),
      /:1: .*holds no image/,
    ],
    ["text in base64", "a.jsonl", image(SECRET), /:1: .*it is neither PNG, JPEG nor WebP$/],
    ["a drawing", "a.jsonl", image(`${svg}<a id="${SECRET}"/></svg>`), /it is of the format svg$/],
    ["a broken drawing", "a.jsonl", image(`${svg}<PATIENT-7319></svg>`), /damaged or cut off$/],
    [
      "a broken PNG",
      "a.jsonl",
      image(Buffer.concat([head, Buffer.from(SECRET)])),
      /damaged or cut off$/,
    ],
    ["a column of text", "a.csv", `image,label\n${SECRET},a\n`, /:2: column image holds no image/],
    ["no header", "a.csv", `${SECRET},HIV\n${SECRET},a\n`, /:2: no column label; the first line/],
    ["a label of no class", "a.jsonl", image(png, SECRET), /:1: its label is none of the 2/],
    ["a file of text", "a/a/1.png", SECRET, /it is neither PNG, JPEG nor WebP$/],
  ]);
});

describe("a Parquet file is refused without a word of it", () => {
  const text = { name: "text", type: "BYTE_ARRAY", converted_type: "JSON" } as const;
  const withJson = parquetWriteBuffer({
    columnData: [{ name: "text", data: [{ a: SECRET }] }],
    schema: [{ name: "root", num_children: 1 }, text],
    codec: "UNCOMPRESSED",
  });
  const brokenJson = Buffer.from(withJson);
  // The quote in front of the secret.
  brokenJson.fill("x", brokenJson.indexOf(SECRET) - 1, brokenJson.indexOf(SECRET));

  refuses("texts", [
    ["columns of other names", "a.parquet", parquet({ [SECRET]: ["a"] }), /the row has 1 columns$/],
    [
      "a list for a text",
      "a.parquet",
      parquet({ text: [[SECRET]] }),
      /:1: column text holds a list/,
    ],
    ["JSON that is none", "a.parquet", brokenJson, /a JSON column is not JSON: .*at p/],
  ]);

  it("whatever byte of it is damaged", async () => {
    const whole = parquet({ [SECRET]: [SECRET, "b"], "HIV+": [[SECRET], [SECRET]] });
    let errors = 0;
    for (let at = 0; at < whole.length; at += 1) {
      const bytes = whole.map((byte, i) => (i === at ? byte ^ 0x55 : byte));
      const { error, leaked } = await failure("rows", "a.parquet", bytes);
      expect(leaked).toEqual([]);
      errors += Number(error !== null);
    }
    expect(errors).toBeGreaterThan(whole.length / 4);
  });
});

describe("what is told of good data", () => {
  it("has no word of it", async () => {
    const files = {
      "a.jsonl": ["a", "b", "a"].map((x) => json({ text: `${SECRET} ${x}` })).join("\n"),
      "chat.jsonl": json({ messages: [{ role: "assistant", content: SECRET }] }),
      "label.jsonl": ["x", "y"]
        .map((label) => json({ text: SECRET, label: `${SECRET}: a whole letter about ${label}` }))
        .join("\n"),
    };
    const plain = await tinyTokenizer();
    await inFolder(async (folder) => {
      await writeFiles(folder, files);
      const told: unknown[] = [];
      const onRows = (...facts: readonly unknown[]) => told.push(...facts);
      const read = async (name: string) =>
        (await loadDataset([join(folder, name)], {}, plain, 8, { onRows })).summary;
      const labelled = await readLabelledDataset([join(folder, "label.jsonl")], {}, plain, 8);
      const [train, heldOut] = [await read("a.jsonl"), await read("chat.jsonl")];
      const test = labelled.summary;
      const report = { train, heldOut, test, testSeenInTraining: 1 };
      told.push(report, describeExamples(report), dataNotes(report));
      expect(leaks(told)).toEqual([]);
      expect(dataNotes(report)).toContain("2 classes: class 1 1, class 2 1");
      // Control: where the labels are, there they are found.
      expect(leaks(labelled.classes)).not.toEqual([]);
    });
  });
});

describe("the search for private words, as a control, finds them", () => {
  const thrown = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      return error;
    }
  };
  it.each([
    ["in a message", new KlatchError("data", `a.csv:1: ${SECRET}`, "x")],
    ["in a hint", new KlatchError("data", "x", `look at ${SECRET}`)],
    ["in what JavaScript's parser quotes", thrown(() => JSON.parse(`{"text": ${SECRET}}`))],
    ["in a cause of a cause", new Error("x", { cause: new Error("x", { cause: SECRET }) })],
    [
      "in a field of a cause",
      new Error("x", { cause: Object.assign(new Error(), { a: [SECRET] }) }),
    ],
    ["in a name of a field", Object.assign(new Error(), { [SECRET]: 1 })],
    ["in what the parser of CSV quotes", thrown(() => parse(`text\n${SECRET} "x"\n`))],
    ["in a stack", Object.assign(new Error("x"), { stack: `Error: ${SECRET.slice(8, 14)}` })],
    ["in bytes", new Error("x", { cause: Buffer.from(SECRET) })],
  ])("%s", (_, error) => {
    expect(leaks(error)).not.toEqual([]);
    expect(leaks(new KlatchError("data", "a.csv:1: not valid CSV", "correct it"))).toEqual([]);
  });
});
