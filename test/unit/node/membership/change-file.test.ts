import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { UNDECIDED } from "../../../../src/consensus/index.ts";
import { KlatchError } from "../../../../src/errors.ts";
import { generateIdentity, type Identity } from "../../../../src/gossip/index.ts";
import {
  type ChangeFile,
  changeOf,
  encodeChange,
  lackOf,
  parseChange,
  type RosterChangeFile,
  signChange,
} from "../../../../src/node/membership/change-file.ts";
import {
  requirePossible,
  requireSigned,
  stateOf,
} from "../../../../src/node/membership/judge-change.ts";
import { proposedDecision } from "../../../../src/node/membership/propose-change.ts";
import { firstMembers } from "../../../../src/node/peer/agreed/members-of.ts";
import { Council, NAME } from "../../../support/agreement-samples.ts";

let council: Council;
let guest: Identity;
let bare: RosterChangeFile;

beforeAll(async () => {
  council = await Council.of(4);
  guest = await generateIdentity();
  bare = {
    ...{ kind: "add", run: NAME.run, members: council.roster, peer: guest.peerId },
    ...{ successor: null, consent: null, signatures: {} },
  };
});

async function signedBy(file: ChangeFile, ...signers: readonly (Identity | undefined)[]) {
  let signed = file;
  for (const each of signers) if (each !== undefined) signed = await signChange(signed, each);
  return signed;
}

const known = () => ({
  ...{ run: NAME.run, attackersMin: 1 },
  ...{ rounds: 50, steps: 20 },
  head: { height: 3, members: firstMembers(NAME.run, council.roster), decided: UNDECIDED },
});

describe("a change of members as a file", () => {
  test("gathers signatures, in whatever order, and is then what a block takes", async () => {
    const [a, b, c] = council.members;
    const signed = await signedBy(bare, c, guest, a, b);
    const read = parseChange(encodeChange(signed));

    expect(read).toEqual(signed);
    expect(encodeChange(await signedBy(bare, a, b, c, guest))).toBe(encodeChange(signed));
    expect(lackOf(read)).toEqual({ members: 0, newKey: null });
    expect(stateOf(read, known())).toBe("waiting");
    expect(changeOf(read).signatures.map(({ place }) => place)).toEqual([0, 1, 2]);
    expect(() => requireSigned(read)).not.toThrow();
  });

  test("says what it lacks", async () => {
    const [a, b, c] = council.members;
    expect(() => requireSigned(bare)).toThrow(/3 of 3 members/);
    const unwanted = await signedBy(bare, a, b, c);
    expect(() => requireSigned(unwanted)).toThrow(/new key/);
    expect(stateOf(unwanted, known())).toBe("unsigned");
  });

  test("is signed by members and the key that is new, and by nobody else", async () => {
    await expect(signChange(bare, await generateIdentity())).rejects.toThrow(/no say/);
  });

  test("is no change that a block would refuse, and of the members as they are", () => {
    expect(() => requirePossible(bare, known())).not.toThrow();
    const leaving = { ...bare, kind: "remove", peer: council.roster[0] ?? "" } as const;
    expect(() => requirePossible(leaving, known())).toThrow(/do not bear 1/);
    const older = { ...bare, members: council.roster.slice(1) };
    expect(() => requirePossible(older, known())).toThrow(/other members/);
    expect(stateOf(older, known())).toBe("outdated");
    expect(() => requirePossible({ ...bare, run: "f".repeat(64) }, known())).toThrow(
      /other members/,
    );
  });

  test("is refused with anything changed in it", async () => {
    const [a, b, c] = council.members;
    const signed = await signedBy(bare, a, b, c, guest);
    const fields = JSON.parse(encodeChange(signed)) as { signatures: object };
    const wrong: Readonly<Record<string, unknown>> = {
      ...{ kind: "remove", run: "f".repeat(64), peer: council.roster[0] },
      ...{ successor: council.roster[0], format: 2, members: council.roster.toReversed() },
      ...{ consent: Buffer.alloc(64).toString("base64"), more: 1 },
      signatures: { [council.roster[3] ?? ""]: Object.values(fields.signatures)[0] },
    };
    for (const [name, value] of Object.entries(wrong)) {
      expect(() => parseChange(JSON.stringify({ ...fields, [name]: value })), name).toThrow(
        KlatchError,
      );
    }
    const stranger = { [guest.peerId]: Object.values(fields.signatures)[0] };
    expect(() => parseChange(JSON.stringify({ ...fields, signatures: stranger }))).toThrow(
      /no member/,
    );
  });

  test("is a decision about the run, which no new key signs; what is not named stays", async () => {
    const [a, b, c] = council.members;
    const bareDecision = proposedDecision(known(), { rounds: 80 });
    const signed = await signedBy(bareDecision, a, b, c);

    expect(bareDecision).toMatchObject({ number: 0, rounds: 80, steps: 20, from: 4 });
    expect(parseChange(encodeChange(signed))).toEqual(signed);
    expect(lackOf(bareDecision)).toEqual({ members: 3, newKey: null });
    expect([stateOf(bareDecision, known()), stateOf(signed, known())]).toEqual([
      "unsigned",
      "waiting",
    ]);
    expect(changeOf(signed)).toMatchObject({ kind: "set", rounds: 80, steps: 20 });
    expect(() => requirePossible(signed, known())).not.toThrow();
    await expect(signChange(bareDecision, guest)).rejects.toThrow(/no say/);
    for (const change of [{ rounds: 81 }, { steps: 21 }, { from: 5 }, { number: 1 }]) {
      expect(() => parseChange(encodeChange({ ...signed, ...change }))).toThrow(/does not hold/);
    }
  });

  test("is no decision that is made, of nothing, or about rounds that are over", async () => {
    const newest = { rounds: 80, steps: 30, from: 10 };
    const decided = { ...UNDECIDED, number: 1, newest, stepsBefore: 20 };
    const later = { ...known(), ...newest, head: { ...known().head, decided } };
    const first = proposedDecision(known(), { rounds: 80 });

    expect(stateOf(first, later)).toBe("outdated");
    expect(proposedDecision(later, { rounds: 90 })).toMatchObject({ steps: 30, from: 10 });
    expect(proposedDecision(later, { steps: 40 })).toMatchObject({ rounds: 80, from: 4 });
    expect(proposedDecision(later, { steps: 40, from: 8 })).toMatchObject({ number: 1, from: 7 });
    expect(() => proposedDecision(known(), { rounds: 50 })).toThrow(/nothing is to be set/);
    const over = proposedDecision(known(), { rounds: 3 });
    expect(() => requirePossible(over, known())).toThrow(/which is over/);
    const late = proposedDecision(known(), { steps: 30, from: 51 });
    expect(() => requirePossible(late, known())).toThrow(/after the last/);
  });

  test("is a change or a sentence, whatever a file holds", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(() => parseChange(text)).toThrow(KlatchError);
      }),
    );
    expect(() => parseChange(" ".repeat(300_000))).toThrow(/256 KiB/);
  });
});
