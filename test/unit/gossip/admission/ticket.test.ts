import { createHash } from "node:crypto";
import fc from "fast-check";
import { concat, toString as textOf } from "uint8arrays";
import { describe, expect, test } from "vitest";
import {
  encodeTicket,
  isProof,
  parseTicket,
  proofOf,
  type Ticket,
} from "../../../../src/gossip/admission/ticket.ts";
import { encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import { generateIdentity, publicKeyOf } from "../../../../src/gossip/keys/identity.ts";
import { seededRandom } from "../../../../src/random.ts";

const { peerId: creator } = await generateIdentity();
const { peerId: peer } = await generateIdentity();

const TICKET: Ticket = {
  run: createHash("sha256").update("run").digest("hex"),
  creator,
  addresses: ["/ip4/203.0.113.171/tcp/17117", "/ip4/198.51.100.200/tcp/17117"],
  secret: new Uint8Array(16).fill(7),
  expires: 1_796_000_000_000,
};
const TEXT = encodeTicket(TICKET);

const refusalOf = (text: string): string => {
  const parsed = parseTicket(text);
  return "refusal" in parsed ? parsed.refusal : `accepted: ${parsed.ticket.run}`;
};

/** A whole ticket around some content, as a later version or a forger would make one. */
function around(content: unknown): string {
  const bytes = encodeCanonical(content);
  const checksum = createHash("sha256").update(bytes).digest().subarray(0, 6);
  const length = Uint8Array.of(bytes.byteLength >> 8, bytes.byteLength & 255);
  return `KLATCH1${textOf(concat([length, bytes, checksum]), "base32upper")}`;
}

const content = (change: (fields: unknown[]) => void): unknown[] => {
  const fields: unknown[] = [
    1,
    Buffer.from(TICKET.run, "hex"),
    publicKeyOf(creator).raw,
    [...TICKET.addresses],
    TICKET.secret,
    TICKET.expires / 1000,
  ];
  change(fields);
  return fields;
};

describe("a ticket", () => {
  test("comes back as it was, from one line of fewer than 300 capitals and digits", () => {
    expect(TEXT).toMatch(/^KLATCH1[A-Z2-7]+$/);
    expect(TEXT.length).toBeLessThan(300);
    expect(parseTicket(TEXT)).toEqual({ ticket: TICKET });
  });

  test("survives small letters and the line breaks of a mail program", () => {
    const broken = TEXT.toLowerCase().replace(/(.{64})/g, "$1\r\n  ");

    expect(parseTicket(`\n${broken}\n`)).toEqual({ ticket: TICKET });
  });

  test("comes back whatever it says", () => {
    const tickets = fc.record({
      run: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      secret: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      port: fc.integer({ min: 1, max: 65_535 }),
      count: fc.integer({ min: 1, max: 4 }),
      seconds: fc.integer({ min: 0, max: 2 ** 40 }),
    });
    fc.assert(
      fc.property(tickets, ({ run, secret, port, count, seconds }) => {
        const addresses = Array.from({ length: count }, (_, i) => `/ip4/10.0.0.${i}/tcp/${port}`);
        const ticket = { run: textOf(run, "hex"), creator, addresses, secret };
        const given = { ...ticket, expires: seconds * 1000 };

        expect(parseTicket(encodeTicket(given))).toEqual({ ticket: given });
      }),
    );
  });
});

describe("what is no ticket is refused with its reason", () => {
  test("cut anywhere, it is named as cut", () => {
    for (let length = 0; length < TEXT.length; length++) {
      const refusal = refusalOf(TEXT.slice(0, length));
      const isPrefix = length < "KLATCH1".length;
      expect(refusal).toMatch(isPrefix ? /^it does not begin with/ : /^it was cut: \d+/);
    }
  });

  test("cut at its beginning, it does not begin like one", () => {
    for (let from = 1; from < TEXT.length; from++) {
      expect(refusalOf(TEXT.slice(from))).toMatch(/^it (does not begin with|was altered)/);
    }
  });

  test("10,000 random alterations are never accepted as another ticket", () => {
    const random = seededRandom(20_261_130);
    const pick = (below: number) => Math.floor(random() * below);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567890-:/é ";
    let accepted = 0;
    for (let round = 0; round < 10_000; round++) {
      let text = TEXT;
      for (let edits = 1 + pick(3); edits > 0; edits--) text = altered(text, alphabet, pick);
      const parsed = parseTicket(text);
      if ("refusal" in parsed) {
        expect(parsed.refusal).toMatch(/^it (was cut|was altered|does not begin with)/);
      } else {
        // an alteration may put back what stood there, or change white space alone
        expect(text.replace(/\s+/g, "").toUpperCase()).toBe(TEXT);
        accepted += 1;
      }
    }
    expect(accepted).toBeLessThan(1000);
  });

  test.each([
    ["of a later version", content((fields) => fields.splice(0, 1, 2)), /version 2 of tickets/],
    ["of a later version with other fields", [7, "x"], /version 7 of tickets/],
    ["without an address", content((fields) => fields.splice(3, 1, [])), /did not make a ticket/],
    [
      "with an address that leads elsewhere",
      content((fields) => fields.splice(3, 1, ["/unix/tmp/socket"])),
      /did not make a ticket/,
    ],
    [
      "with the address of another peer",
      content((fields) => fields.splice(3, 1, [`/ip4/1.2.3.4/tcp/1/p2p/${peer}`])),
      /did not make a ticket/,
    ],
    [
      "with a secret of another length",
      content((fields) => fields.splice(4, 1, new Uint8Array(15))),
      /did not make a ticket/,
    ],
    ["with one field more", content((fields) => fields.push(0)), /did not make a ticket/],
    ["that is no list", { run: 1 }, /did not make a ticket/],
  ])("%s", (_, fields, reason) => {
    expect(refusalOf(around(fields))).toMatch(reason);
  });

  test("of any length", () => {
    expect(refusalOf("KLATCH1".padEnd(100_000, "A"))).toBe("it is longer than any ticket");
    expect(refusalOf("")).toMatch(/^it does not begin/);
    expect(refusalOf(around(content(() => undefined)))).toBe(`accepted: ${TICKET.run}`);
  });
});

test("a proof holds for its secret, run, creator and peer alone", () => {
  const parties = { run: TICKET.run, creator, peer };
  const proof = proofOf(TICKET.secret, parties);

  expect(isProof(proof, TICKET.secret, parties)).toBe(true);
  expect(isProof(proof, new Uint8Array(16), parties)).toBe(false);
  expect(isProof(proof, TICKET.secret, { ...parties, peer: creator })).toBe(false);
  expect(isProof(proof, TICKET.secret, { ...parties, creator: peer })).toBe(false);
  expect(isProof(proof, TICKET.secret, { ...parties, run: "0".repeat(64) })).toBe(false);
  expect(isProof(proof.subarray(1), TICKET.secret, parties)).toBe(false);
});

/** A text with a character replaced, left out, added, or two exchanged. */
function altered(text: string, alphabet: string, pick: (below: number) => number): string {
  const at = pick(text.length);
  const other = alphabet[pick(alphabet.length)] ?? "A";
  switch (pick(4)) {
    case 0:
      return text.slice(0, at) + other + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + other + text.slice(at);
    default:
      return text.slice(0, at) + (text[at + 1] ?? "") + (text[at] ?? "") + text.slice(at + 2);
  }
}
