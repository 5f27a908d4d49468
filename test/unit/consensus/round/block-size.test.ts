import { describe, expect, test } from "vitest";
import {
  type AgreedConfig,
  createAgreed,
  genesis,
  type HeldPayload,
  quorumOf,
  type SignedStatement,
} from "../../../../src/consensus/index.ts";
import { draftBlock } from "../../../../src/consensus/round/agreed/blocks.ts";
import { digestOf, encodeBlock, MAX_BLOCK_BYTES } from "../../../../src/gossip/index.ts";

const digest = (text: string) => digestOf(Buffer.from(text));
const RUN = digest("run");
const BYTES = 2 ** 39;

type Ballot = SignedStatement<Extract<SignedStatement["statement"], { kind: "ballot" }>>;

/** A member that holds ballots of so many, of whom f lie: they announce to each something else, and hold what is not. */
function stateOf(members: number, liesOf: (place: number, author: number) => string) {
  const roster = Array.from({ length: members }, (_, place) => String(place).padStart(4, "0"));
  const membersOf = (peers: readonly string[]) => ({
    ...{ peers, digest: digest("roster"), turns: [...peers.keys()] },
  });
  const config: AgreedConfig = {
    ...{ self: "0000", run: RUN, rounds: 1, membersOf, attackersMin: 0, payloadBytes: () => BYTES },
    timing: {
      ...{ commitGraceMs: 1, graceShare: 0.5, toleranceShare: 0.2, missesMax: 2 },
      ...{ fetchGraceMs: 1, fetchMaxMs: 1, openDelayMs: 1, viewMs: 1, repeatMs: 1 },
      patienceFactor: 4,
    },
  };
  const state = createAgreed(config, { head: genesis(RUN, digest("start"), membersOf(roster)) });
  const ballots = new Map(
    roster.map((author, place): [number, Ballot] => {
      const held = roster.map(
        (_, of): HeldPayload => ({ place: of, payload: digest(liesOf(place, of)) }),
      );
      const opinions = roster.map(() => "neutral" as const);
      const name = { run: RUN, height: 0, parent: RUN };
      const statement = { kind: "ballot", ...name, opinions, held } as const;
      return [place, { author, statement, signature: new Uint8Array(64) }];
    }),
  );
  return { ...state, height: { ...state.height, ballots } };
}

/** What the last f do. */
function worst(members: number) {
  const { faulty } = quorumOf(members);
  const isLiar = (place: number) => place >= members - faulty;
  return stateOf(members, (place, author) =>
    isLiar(place) || isLiar(author) ? `${author} for ${place}` : `of ${author}`,
  );
}

const encoded = (draft: ReturnType<typeof draftBlock>) =>
  encodeBlock({ ...draft, norm: 0, checkpoint: RUN });

describe("a block of many members", () => {
  test("fits into a mebibyte with 200, whatever 66 of them announce and hold", () => {
    const draft = draftBlock(worst(200), false);

    expect(encoded(draft).byteLength).toBeLessThan(MAX_BLOCK_BYTES);
    expect(draft.ballots.length).toBeGreaterThanOrEqual(quorumOf(200).size);
    // those that are left out lie: whom honest members hold is in the cut all the same
    expect(draft.ballots.filter(({ place }) => place < 134)).toHaveLength(134);
    expect(draft.cut).toEqual(Array.from({ length: 134 }, (_, place) => place));
  });

  test("would not with the ballots of all 200 (control)", () => {
    const state = worst(200);
    const draft = draftBlock(state, false);
    const ballots = [...state.height.ballots].map(([place, { statement, signature }]) => ({
      ...{ place, opinions: statement.opinions, held: statement.held, signature },
    }));
    const keys = new Map(
      ballots.flatMap(({ held }) => held.map((each) => [`${each.place} ${each.payload}`, each])),
    );
    const payloads = [...keys.values()]
      .map((each) => ({ ...each, bytes: BYTES }))
      .sort((a, b) => a.place - b.place || (a.payload < b.payload ? -1 : 1));
    expect(() => encoded({ ...draft, ballots, payloads })).toThrow(/out of bounds/);
  });

  test("has the ballots of all 200 where nobody lies", () => {
    const draft = draftBlock(
      stateOf(200, (_, author) => `of ${author}`),
      false,
    );
    expect(draft.ballots).toHaveLength(200);
    expect(encoded(draft).byteLength).toBeLessThan(64 * 1024);
  });
});
