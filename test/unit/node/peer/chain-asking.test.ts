import { describe, expect, test } from "vitest";
import type { ChainEntry, Network } from "../../../../src/gossip/index.ts";
import { ChainAsking } from "../../../../src/node/peer/agreed/chain-asking.ts";
import { silentLogger } from "../../../../src/node/process/logger.ts";
import { clockOf, Life } from "../../../../testnet/simulation/life.ts";
import { VirtualTime } from "../../../../testnet/simulation/virtual-time.ts";
import { blockOf, certificate, NAME } from "../../../support/agreed-node.ts";

const RUN = NAME.run;
const END = { height: 0, parent: RUN };
const BYTES = { block: new Uint8Array(), certificate: new Uint8Array() };

/** Final blocks on one another. */
function chain(length: number, name = "block"): readonly ChainEntry[] {
  return Array.from({ length }, (_, height) => {
    const parent = height === 0 ? RUN : `${name} ${height - 1}`;
    const end = { ...certificate("finalize", 0, `${name} ${height}`), height, parent };
    const block = { ...blockOf([]), height, parent };
    return { block, digest: `${name} ${height}`, certificate: end, bytes: BYTES };
  });
}

const CHAIN = chain(9);

/** What a peer answers: blocks from a height on, or nothing for ever. */
type Answer = (from: number) => readonly ChainEntry[] | null;
const has =
  (blocks: number, most = 256): Answer =>
  (from) =>
    CHAIN.slice(from, Math.min(blocks, from + most));
const slow: Answer = () => null;

/** Asks peers with these answers, the first first. */
function ask(
  answers: Readonly<Record<string, Answer>>,
  { enough = 2, upTo = null as number | null } = {},
) {
  const time = new VirtualTime();
  const asked: string[] = [];
  const errors: object[] = [];
  const fetchChain: Network["fetchChain"] = async (peer, from) => {
    asked.push(`${peer} ${from}`);
    const entries = answers[peer]?.(from) ?? null;
    return entries === null ? new Promise(() => undefined) : { ok: true, entries };
  };
  const log = Object.assign(silentLogger(), { error: (fields: object) => errors.push(fields) });
  const clock = clockOf(time, new Life());
  const asking = new ChainAsking(
    { network: { fetchChain, peers: () => [] }, clock, log },
    new AbortController().signal,
  );
  const question = { peers: Object.keys(answers), enough, upTo };
  const answered = asking.after(END, question).then((links) => ({
    ...{ digests: links.map(({ digest }) => digest), asked, errors, ms: time.now },
  }));
  return time.run(3_600_000, () => false).then(() => answered);
}

const digests = (blocks: number) => CHAIN.slice(0, blocks).map(({ digest }) => digest);

describe("others are asked for what is final", () => {
  test("until so many have told that one is honest: a liar that tells less holds nobody back", async () => {
    const found = await ask({ liar: has(2), honest: has(9), other: has(9) });
    expect(found.digests).toEqual(digests(9));
    // what is there already is not told again, and nobody is asked in vain
    expect(found.asked).toEqual(["liar 0", "honest 2"]);
    // the control: the liar alone
    expect((await ask({ liar: has(2), honest: has(9) }, { enough: 1 })).digests).toEqual(
      digests(2),
    );
  });

  test("and not longer than it takes the honest to tell, where others do not answer", async () => {
    const found = await ask({ slow, slower: slow, honest: has(9), other: has(9) });
    expect(found.digests).toEqual(digests(9));
    expect(found.ms).toBe(1000);
  });

  test("with the block that is known to be final the first is enough", async () => {
    const answers = { first: has(4), second: has(9), third: has(9) };
    const found = await ask(answers, { upTo: 3, enough: 3 });
    expect(found.digests).toEqual(digests(4));
    expect(found.asked).toEqual(["first 0"]);
    expect((await ask(answers, { upTo: 4, enough: 3 })).digests).toEqual(digests(9));
  });

  test("for a while: who has none to ask, or hears from too few, goes on with what was told", async () => {
    expect((await ask({})).digests).toEqual([]);
    const found = await ask({ one: has(5, 3), slow });
    expect(found.digests).toEqual(digests(3));
    expect(found.ms).toBeLessThanOrEqual(11_000);
  });

  test("another chain that a quorum has signed is said, and not taken", async () => {
    const fork = chain(9, "fork");
    const found = await ask({ one: has(4), other: (from) => fork.slice(from) });
    expect(found.digests).toEqual(digests(4));
    expect(found.errors).toEqual([{ round: 4, peer: "other" }]);
  });
});
