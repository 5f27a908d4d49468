import { encode } from "uqr";
import { expect, test } from "vitest";
import { qrCode } from "../../../../src/node/view/qr.ts";

const TICKET = `KLATCH1${"AB3YMAKYEATRLTTAPMRAEG6T74UEJKXMCGV3".repeat(6)}`;
const COLOURS = "\u001b[30;107m";
const PLAIN = "\u001b[0m";
const HALVES: Readonly<Record<string, readonly [boolean, boolean]>> = {
  "█": [true, true],
  "▀": [true, false],
  "▄": [false, true],
  " ": [false, false],
};

test("a ticket's code has the modules of its QR code, with a border, black on white", async () => {
  const lines = (await qrCode(TICKET, 80)) ?? [];

  const rows = lines.flatMap((line) => {
    expect([line.startsWith(COLOURS), line.endsWith(PLAIN)]).toEqual([true, true]);
    const halves = [...line.slice(COLOURS.length, -PLAIN.length)].map((cell) => HALVES[cell] ?? []);
    return [halves.map(([upper]) => upper), halves.map(([, lower]) => lower)];
  });
  const { data, size } = encode(TICKET, { ecc: "L", border: 2 });
  expect(rows.slice(0, size)).toEqual(data);
  expect(rows[0]?.every((module) => module === false)).toBe(true);
  // control: another ticket has other modules
  expect(rows).not.toEqual(encode(`${TICKET}A`, { ecc: "L", border: 2 }).data);
});

test("there is none where the screen is too narrow", async () => {
  const width = encode(TICKET, { ecc: "L", border: 2 }).size;

  expect(await qrCode(TICKET, width)).toHaveLength(Math.ceil(width / 2));
  expect(await qrCode(TICKET, width - 1)).toBeNull();
});
