import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parquet } from "./data-files.ts";
import { failure, refuses, SECRET } from "./private-text.ts";

const json = JSON.stringify;
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const withByte = (text: string, byte: number) =>
  Buffer.concat([Buffer.from(text), Buffer.of(byte), Buffer.from(`${SECRET}\n`)]);

describe("JSON that is broken is refused without a word of it", () => {
  const at = /^[^ ]*a\.jsonl:2: not valid JSON: .* at position \d+ \(line \d+ column \d+\)$/;
  const lines: readonly (readonly [string, string])[] = [
    ["text without quotes", `{"text": ${SECRET}}`],
    ["nothing but text", SECRET],
    ["a text that is not closed", `{"text":"${SECRET}`],
    ["an object that is not closed", `{"text":"${SECRET}"`],
    ["a control character", `{"text":"${SECRET}\u0001"}`],
    ["a bad escape", `{"text":"${SECRET}\\x"}`],
    ["text behind the row", `{"text":"a"} ${SECRET}`],
    ["single quotes", `{'text':'${SECRET}'}`],
    ["a comma that is missing", `{"text":"a" "${SECRET}":1}`],
    ["a colon that is missing", `{"text" "${SECRET}"}`],
    ["NaN before it", `{"n":NaN,"text":"${SECRET}"}`],
    ["NaN behind it", `{"text":"${SECRET}","n":NaN}`],
    ["a number with letters", `{"n":12${SECRET}}`],
    ["a list with a comma too much", `["${SECRET}",]`],
  ];
  refuses(
    "texts",
    lines.map(([what, line]) => [what, "a.jsonl", `{"text":"a"}\n${line}\n`, at]),
  );
  refuses("rows", [
    ["a text that is no row", "a.jsonl", json(SECRET), /:1: the row is not a JSON object/],
    ["a list that is no row", "a.ndjson", json([SECRET]), /:1: the row is not a JSON object/],
    ["NUL before it", "a.jsonl", `{"text": \u0000${SECRET}`, /is binary, not UTF-8/],
    [
      "NUL far behind",
      "a.jsonl",
      `{"text":"${"a".repeat(5000)}",\u0000${SECRET}`,
      /not valid JSON/,
    ],
    ["bytes that are no UTF-8", "a.jsonl", withByte('{"text":"', 0xff), /is not UTF-8 text/],
    ["a long text without quotes", "a.json", `[${SECRET.repeat(200_000)}]`, /does not have there$/],
    ["too long a row", "a.jsonl", `${json(SECRET.repeat(200_000))}\n`, /more than the 4194304/],
    ["an array with text in it", "a.json", `[{"text":"a"},\n ${SECRET}]`, /\(line 2 column 2\)$/],
    ["an array that is not closed", "a.json", `[{"text":"${SECRET}"}`, /a\.json is not valid JSON/],
    ["an array of texts", "a.json", json([SECRET]), /:1: the row is not a JSON object/],
    ["no list and no object", "a.json", json(SECRET), /is not a list of rows/],
    ["JSON Lines as .json", "a.json", `{"a":1}\n{"a":${SECRET}}`, /a\.json:2: not valid JSON/],
  ]);
});

describe("a table of text that is broken is refused without a word of it", () => {
  for (const [ending, tab] of [
    ["csv", ","],
    ["tsv", "\t"],
  ] as const) {
    const name = `a.${ending}`;
    const two = `${SECRET}${tab}${SECRET}`;
    refuses("rows", [
      [
        `${ending}: a quote in a value`,
        name,
        `text\n${SECRET} "x"\n`,
        new RegExp(`:2: not valid ${ending.toUpperCase()}: a quote`),
      ],
      [`${ending}: text behind a quote`, name, `text\n"x"${SECRET}\n`, /:2: .* followed by more/],
      [`${ending}: an open quote`, name, `t${tab}n\n${SECRET}${tab}"${SECRET}\n`, /\(column 2\)$/],
      [`${ending}: too long a row`, name, `text\n${SECRET.repeat(200_000)}\n`, /:2: .*4194304/],
      [`${ending}: a value too much`, name, `text\n${two}\n`, /:2: 2 values for 1 columns/],
      [
        `${ending}: no header, twice the same`,
        name,
        `${two}\n`,
        /:1: columns 1 and 2 have the same/,
      ],
      [`${ending}: bytes that are no UTF-8`, name, withByte("text\n", 0xe9), /is not UTF-8 text/],
    ]);
    refuses("texts", [
      [`${ending}: no header`, name, `${SECRET}\n${SECRET}\n`, /:2: .*first line names 1 columns/],
      [
        `${ending}: no header, but words`,
        name,
        `HIV${tab}PATIENT\nx${tab}y\n`,
        /:2: .*first line names 2 columns/,
      ],
    ]);
    refuses("labelled", [
      [
        `${ending}: a label of no class`,
        name,
        `text${tab}label\na${tab}${SECRET}\n`,
        /:2: its label/,
      ],
      [`${ending}: no column of labels`, name, `text${tab}HIV\na${tab}b\n`, /:2: no column label/],
    ]);
  }

  it("with a hint that the first line is the header", async () => {
    const { error } = await failure("texts", "a.csv", `${SECRET}\n${SECRET}\n`);
    expect(error).toMatchObject({ hint: expect.stringContaining("first line has to be the head") });
    const { error: other } = await failure("texts", "a.jsonl", json({ [SECRET]: 1 }));
    expect(other).toMatchObject({ hint: expect.not.stringContaining("first line") });
  });
});

describe("a row that does not fit is refused without a word of it", () => {
  const keys = json({ [SECRET]: 1, "PATIENT-7319": 2, Müller: 3, question: 4, answer_2: 5 });
  const messages = (...list: readonly unknown[]) => json({ messages: list });
  refuses("texts", [
    [
      "columns of other names",
      "a.jsonl",
      keys,
      /:1: .*; the row has question, answer_2 and 3 more$/,
    ],
    ["no column of a usual name", "a.json", `[${json({ [SECRET]: 1 })}]`, /the row has 1 columns$/],
    ["a later row", "a.jsonl", `{"text":"a"}\n${json({ [SECRET]: 1 })}`, /:2: no column text; the/],
    [
      "an object for a text",
      "a.jsonl",
      json({ text: { [SECRET]: SECRET } }),
      /holds a list, an obj/,
    ],
    ["a list for a text", "a.jsonl", json({ text: [SECRET] }), /holds a list, an object or bytes/],
    ["a text for messages", "a.jsonl", json({ messages: SECRET }), /messages is not a list/],
    ["messages of text", "a.jsonl", messages(SECRET), /is not a list of .* \(entry 1\)/],
    [
      "content that is no text",
      "a.jsonl",
      messages({ role: "user", content: "a" }, { role: "user", content: { [SECRET]: SECRET } }),
      /is not a list of .* \(entry 2\)/,
    ],
    [
      "a part that is no text",
      "a.jsonl",
      messages({ role: "user", content: [{ type: SECRET }] }),
      /entry 1/,
    ],
    ["a role too long", "a.jsonl", messages({ role: SECRET.repeat(9), content: "" }), /entry 1/],
    ["a role that is no text", "a.jsonl", messages({ role: [SECRET], content: "" }), /entry 1/],
    [
      "ShareGPT of another kind",
      "a.jsonl",
      messages({ from: "gpt", value: 7, x: SECRET }),
      /entry 1/,
    ],
    [
      "messages in a cell",
      "a.csv",
      `messages\n${quoted(`[{${SECRET}`)}\n`,
      /messages is not JSON: /,
    ],
    [
      "tools in a cell",
      "a.jsonl",
      json({ messages: [], tools: `[${SECRET}` }),
      /tools is not JSON: /,
    ],
    [
      "a file of no example",
      "a.jsonl",
      json({ prompt: SECRET, completion: "" }),
      /no example: 1 rows/,
    ],
  ]);
  refuses("packed", [
    [
      "a conversation among texts",
      "a.jsonl",
      messages({ role: "user", content: SECRET }),
      /packing/,
    ],
  ]);
  refuses("strict", [
    ["no token for a text", "a.jsonl", json({ text: SECRET }), /a\.jsonl:1: .*no token for a part/],
    ["no token for a document", "a.txt", SECRET, /a\.txt:1: .*no token for a part of the text/],
  ]);
  refuses("labelled", [
    [
      "a label of no class",
      "a.jsonl",
      json({ text: "a", label: SECRET }),
      /:1: .*the 2 classes \(a,/,
    ],
    [
      "an object for a label",
      "a.jsonl",
      json({ text: "a", label: { [SECRET]: SECRET } }),
      /holds a list, an object/,
    ],
    [
      "a list of lists for a label",
      "a.jsonl",
      json({ text: "a", label: [[SECRET]] }),
      /holds a list of something else/,
    ],
    [
      "a list of classes for a label",
      "a.jsonl",
      json({ text: "a", label: [SECRET] }),
      /its label is none of the 2 classes/,
    ],
    [
      "Parquet with such a label",
      "a.parquet",
      parquet({ text: ["a"], label: [SECRET] }),
      /its label/,
    ],
  ]);
});

describe("a file with characters put into it anywhere", () => {
  const files: readonly (readonly [string, string])[] = [
    ["a.jsonl", [SECRET, "x"].map((text) => json({ text, n: [1, SECRET] })).join("\n")],
    ["a.json", json([{ text: SECRET }, { text: SECRET, [SECRET]: null }])],
    ["a.csv", `text,n\n"${SECRET}",1\n${SECRET},"2"\n`],
    ["a.tsv", `text\tn\n"${SECRET}"\t1\n${SECRET}\t"2"\n`],
  ];
  const more = fc.tuple(
    fc.nat(),
    fc.constantFrom('"', "'", ",", "{", "}", "[", "]", ":", "\\", "\n", "\r", "\t", "\u0001", "x"),
  );
  const changes = fc.array(more, { minLength: 1, maxLength: 4 });

  it.each(files)("(%s) has rows, or an error without a word of it", async (name, text) => {
    let errors = 0;
    const property = fc.asyncProperty(changes, async (list) => {
      let content = text;
      for (const [place, character] of list) {
        const at = place % (content.length + 1);
        content = content.slice(0, at) + character + content.slice(at);
      }
      const { error, leaked } = await failure("texts", name, content);
      expect(leaked).toEqual([]);
      errors += Number(error !== null);
    });
    await fc.assert(property, { numRuns: 150 });
    expect(errors).toBeGreaterThan(50);
  });
});
