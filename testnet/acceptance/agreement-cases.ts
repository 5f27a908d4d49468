import assert from "node:assert/strict";
import {
  type Block,
  type Certificate,
  type ChainBytes,
  digestOf,
  encodeBlock,
  rosterDigest,
  type Statement,
  sealCertificate,
  type Vote,
} from "../../src/gossip/index.ts";
import type { Digest, PeerId } from "../../src/types.ts";
import type { Gathering, Guest } from "./gathering.ts";

const RUN = "a".repeat(64);
const NAME = { run: RUN, height: 0, parent: RUN };
const VOTE: Vote = { kind: "nullify", ...NAME, view: 3, block: null };
/** More than a page has. */
const HEIGHTS = 300;

/** What a network does with statements, certificates and blocks of mode `agreed`. */
export const AGREEMENT_CASES: Readonly<Record<string, (all: Gathering) => Promise<void>>> = {
  "brings a statement to every other member, once, as its author signed it": async (all) => {
    await all.agree("a", "b", "c", "d");
    const [a, ...others] = await all.full("a", "b", "c", "d");
    const signed = await say(a, VOTE);
    await all.until(() => others.every(({ agreed }) => agreed.length > 0), "all have heard");
    // What comes twice would come before what is said later.
    for (const other of others) await say(other, VOTE);
    const everyone = [a, ...others];
    await all.until(() => everyone.every(({ agreed }) => agreed.length >= 3), "all have heard all");
    for (const { agreed } of others) {
      const ofA = agreed.filter((each) => "author" in each && each.author === a.id);
      assert.deepEqual(ofA, [signed]);
    }
    assert.equal(a.agreed.length, 3);
  },

  "gives a member that connects later what others hold of the height": async (all) => {
    await all.agree("a", "b");
    const a = await all.join("a");
    const signed = [await say(a, VOTE), await say(a, { ...VOTE, view: 4 })];
    const b = await all.join("b", [a]);
    await all.until(() => b.agreed.length >= 2, "b is told");
    assert.deepEqual(byView(b), signed);
  },

  "gives a member that was started again what it had said itself": async (all) => {
    await all.agree("a", "b");
    const [a, b] = await all.full("a", "b");
    const signed = await say(a, VOTE);
    await all.until(() => b.agreed.length === 1, "b hears a");
    b.holds.push(signed.bytes);
    await a.network.stop();
    const again = await all.join("a", [b]);
    await all.until(() => again.agreed.length === 1, "a hears of itself");
    assert.deepEqual(again.agreed, [signed]);
  },

  "gives and takes what is held when it is asked to": async (all) => {
    await all.agree("a", "b");
    const [a, b] = await all.full("a", "b");
    const [ofA, ofB] = [await a.network.sign(VOTE), await b.network.sign(VOTE)];
    a.holds.push(ofA.bytes);
    b.holds.push(ofB.bytes);
    const worked = await all.settled(b.network.exchangeAgreement(a.id), "an exchange");
    assert.equal(worked, true);
    await all.until(() => a.agreed.length + b.agreed.length >= 2, "both have heard");
    assert.deepEqual([a.agreed, b.agreed], [[ofB], [ofA]]);
  },

  "brings a certificate to every member": async (all) => {
    const roster = await all.agree("a", "b", "c", "d");
    const guests = await all.full("a", "b", "c", "d");
    const certificate = await certificateOf(VOTE, roster, guests.slice(1));
    const sealed = sealCertificate(certificate, roster.length);
    await publish(guests[0], sealed.bytes);
    const others = guests.slice(1);
    await all.until(() => others.every(({ agreed }) => agreed.length > 0), "all have it");
    for (const { agreed } of others) assert.deepEqual(agreed, [sealed]);
  },

  "takes nothing that is malformed or that another has signed, and says so": async (all) => {
    const roster = await all.agree("a", "b");
    const [a, b] = await all.full("a", "b");
    await publish(a, Uint8Array.of(1, 2, 3));
    // by gossip, and once more where the exchange of the two comes after it
    const refusals = (why: string) => b.refused.filter(({ reason }) => reason === why);
    await all.until(() => refusals("malformed").length > 0, "b refuses the first");
    const certificate = await certificateOf(VOTE, roster, [a, b]);
    const [first] = certificate.signatures;
    assert(first !== undefined);
    const signatures = certificate.signatures.map((each) => ({ ...first, place: each.place }));
    await publish(a, sealCertificate({ ...certificate, signatures }, roster.length).bytes);
    await all.until(() => refusals("bad-signature").length > 0, "b refuses the second");
    for (const { from, verdict } of b.refused) {
      assert.deepEqual({ from, verdict }, { from: a.id, verdict: "reject" });
    }
    const told = refusals("malformed").length + refusals("bad-signature").length;
    assert.equal(told, b.refused.length, "nothing else is refused");
    assert.deepEqual(b.agreed, []);
  },

  "hears nothing of it in mode gossip": async (all) => {
    const a = await all.join("a");
    await all.agree("b", "c");
    const [b, c] = [await all.join("b", [a]), await all.join("c", [a])];
    await all.until(() => b.network.peers().length === 2, "all are connected");
    await say(b, VOTE);
    await all.until(() => c.agreed.length === 1, "c hears b");
    assert.equal(await all.settled(b.network.exchangeAgreement(a.id), "an exchange"), false);
    assert.deepEqual([a.agreed, a.refused], [[], []]);
  },

  "gives the chain from a height on, page by page, and then none": async (all) => {
    const roster = await all.agree("a", "b", "c", "d");
    const [a, b, c, d] = await all.full("a", "b", "c", "d");
    a.chain.push(...(await chainOf(roster, [a, c, d])));
    const read: ChainBytes[] = [];
    for (let page = 0; page < HEIGHTS; page += 1) {
      const outcome = await all.settled(fetchChain(b, a, read.length), "a page");
      assert(outcome.ok);
      if (outcome.entries.length === 0) break;
      assert.equal(outcome.entries[0]?.block.height, read.length);
      read.push(...outcome.entries.map(({ bytes }) => bytes));
    }
    assert.deepEqual(read, a.chain);
  },

  "calls a chain that is none malformed, and a peer that is gone unreachable": async (all) => {
    const roster = await all.agree("a", "b", "c", "d");
    const [a, b, c, d] = await all.full("a", "b", "c", "d");
    const [first, , third] = await chainOf(roster, [a, c, d], 3);
    assert(first !== undefined && third !== undefined);
    a.chain.push(first, third);
    const gap = await all.settled(fetchChain(b, a, 0), "a chain with a gap");
    assert.equal(gap.ok ? "taken" : gap.failure, "malformed");
    await a.network.stop();
    const gone = await all.settled(fetchChain(b, a, 0), "an outcome");
    assert.equal(gone.ok ? "taken" : gone.failure, "unreachable");
  },
};

// --- internal ---

/** Signs a statement, and holds it for those who lack it. */
async function say(guest: Guest, statement: Statement) {
  const signed = await guest.network.sign(statement);
  await publish(guest, signed.bytes);
  return signed;
}

async function publish(guest: Guest, bytes: Uint8Array): Promise<void> {
  guest.holds.push(bytes);
  await guest.network.publish({ bytes });
}

/** What it heard, by view. */
function byView({ agreed }: Guest) {
  const viewOf = (message: Guest["agreed"][number]) =>
    "statement" in message && "view" in message.statement ? message.statement.view : -1;
  return agreed.toSorted((a, b) => viewOf(a) - viewOf(b));
}

function fetchChain(client: Guest, server: Guest, from: number) {
  const { signal } = new AbortController();
  return client.network.fetchChain(server.id, from, { signal });
}

async function certificateOf(
  vote: Vote,
  roster: readonly PeerId[],
  guests: readonly Guest[],
): Promise<Certificate> {
  const signatures = await Promise.all(
    guests.map(async ({ id, network }) => ({
      place: roster.indexOf(id),
      signature: (await network.sign(vote)).signature,
    })),
  );
  const { kind, ...voted } = vote;
  signatures.sort((a, b) => a.place - b.place);
  return { ...voted, kind: "certificate", vote: kind, signatures };
}

/** Final blocks in which nobody holds anything, signed by these. */
async function chainOf(
  roster: readonly PeerId[],
  guests: readonly Guest[],
  heights = HEIGHTS,
): Promise<readonly ChainBytes[]> {
  const entries: ChainBytes[] = [];
  let parent: Digest = RUN;
  for (let height = 0; height < heights; height += 1) {
    const block = encodeBlock(await blockOf({ run: RUN, height, parent }, roster, guests));
    const vote = { run: RUN, height, parent, kind: "finalize", view: 0 } as const;
    parent = digestOf(block);
    const certificate = await certificateOf({ ...vote, block: parent }, roster, guests);
    entries.push({ block, certificate: sealCertificate(certificate, roster.length).bytes });
  }
  return entries;
}

async function blockOf(
  name: Pick<Block, "run" | "height" | "parent">,
  roster: readonly PeerId[],
  guests: readonly Guest[],
): Promise<Block> {
  const opinions = roster.map(() => "absent" as const);
  const ballot = { kind: "ballot", ...name, opinions, held: [] } as const;
  const ballots = await Promise.all(
    guests.map(async ({ id, network }) => ({
      ...{ place: roster.indexOf(id), opinions, held: [] },
      signature: (await network.sign(ballot)).signature,
    })),
  );
  ballots.sort((a, b) => a.place - b.place);
  const empty = { payloads: [], cut: [], norm: 0, checkpoint: RUN };
  const plain = { evidence: [], rosterChanges: [], decision: null };
  return { ...name, roster: rosterDigest(roster), ballots, ...empty, ...plain };
}
