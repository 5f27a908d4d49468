import { expect, test } from "vitest";
import {
  aligned,
  bytes,
  decimals,
  duration,
  markdownTable,
  short,
  table,
} from "../../../../src/node/view/table.ts";

test("columns are as wide as their widest cell; numbers stand to the right, text to the left", () => {
  expect(
    table(
      ["peer", "round"],
      [
        ["alice", 7],
        ["bob", 12],
        ["carol", null],
      ],
    ),
  ).toEqual(["peer   round", "alice      7", "bob       12", "carol      -"]);
});

test("cells are painted after they have their column's width", () => {
  const rows = [
    ["a", "b"],
    ["long", "c"],
  ];

  expect(aligned(rows, { paint: (cell, row) => (row === 0 ? `<${cell}>` : cell) })).toEqual([
    "<a   >  <b>",
    "long  c",
  ]);
});

test("a cell of a table in Markdown stays one cell", () => {
  expect(markdownTable(["name", "what"], [["a|b", "c"]])).toBe(
    "| name | what |\n|---|---|\n| a\\|b | c |",
  );
});

test("bytes are in binary units", () => {
  expect([0, 1023, 1024, 1536, 2 ** 18, 5 * 2 ** 30].map(bytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "256 KiB",
    "5.0 GiB",
  ]);
});

test("ids are shortened to their end, where peer ids differ", () => {
  expect(short("12D3KooWLmmAoYR4XQSzjBCUvN54u6oycubQnGv829J8LMhp8h4S")).toBe("…LMhp8h4S");
  expect(short("short")).toBe("short");
  expect([decimals(1.23456), decimals(null)]).toEqual(["1.2346", null]);
});

test.each([
  [1.2, "2 s"],
  [89, "89 s"],
  [90, "2 min"],
  [3000, "50 min"],
  [12_000, "3 h 20 min"],
  [187_200, "2 d 4 h"],
])("%d seconds are %s for a person", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
