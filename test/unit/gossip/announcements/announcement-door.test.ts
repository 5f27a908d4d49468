import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AnnouncementCache } from "../../../../src/gossip/announcements/announcement-cache.ts";
import { AnnouncementDoor } from "../../../../src/gossip/announcements/announcement-door.ts";
import { Membership } from "../../../../src/gossip/connections/membership.ts";
import {
  type Announcement,
  digestOf,
  generateIdentity,
  type Identity,
  type Refusal,
  type SignedAnnouncement,
  signAnnouncement,
} from "../../../../src/gossip/index.ts";
import type { Verdict } from "../../../../src/types.ts";

const NOW = 1_800_000_000_000;
const RUN = digestOf(Buffer.from("run"));
const ACCEPT: Verdict<void> = { verdict: "accept", value: undefined };

let author: Identity;
let stranger: Identity;
let membership: Membership;
let judged: SignedAnnouncement[];
let refusals: [string, Refusal][];
let floods: string[];
let opinion: Verdict<void>;
let door: AnnouncementDoor;

beforeAll(async () => {
  author = await generateIdentity();
  stranger = await generateIdentity();
});

beforeEach(() => {
  membership = new Membership([author.peerId], () => NOW);
  judged = [];
  refusals = [];
  floods = [];
  opinion = ACCEPT;
  door = new AnnouncementDoor({
    membership,
    maxPayloadBytes: 1e6,
    now: () => NOW,
    judge: (signed) => {
      judged.push(signed);
      return opinion;
    },
    onRefused: (from, refusal) => refusals.push([from, refusal]),
    onFlood: (from) => floods.push(from),
  });
  door.run = RUN;
});

function sign(identity: Identity, change: Partial<Announcement> = {}) {
  const announcement = {
    run: RUN,
    author: identity.peerId,
    mode: "gossip" as const,
    codec: 0,
    flags: 0,
    reference: digestOf(Buffer.from("reference")),
    round: 1,
    sequence: 1,
    payload: digestOf(Buffer.from("payload")),
    payloadBytes: 1000,
    examples: 1,
    issuedAt: NOW,
    expiresAt: NOW + 1000,
    ...change,
  };
  return signAnnouncement(announcement, identity.key);
}

const gossip = { from: "forwarder", isSaid: true };
const exchange = { from: "peer" };

describe("the announcement door", () => {
  it("lets a member's announcement through to the judge and keeps it for others", async () => {
    const signed = await sign(author);
    expect(await door.admit(signed.bytes, gossip)).toEqual(ACCEPT);
    expect(judged).toEqual([signed]);
    expect(door.cache.current(NOW)).toEqual([signed]);
    expect(refusals).toEqual([]);
  });

  it("judges once what comes from two sides at the same time", async () => {
    const { bytes } = await sign(author);
    const verdicts = await Promise.all([
      door.admit(bytes, exchange),
      door.admit(bytes, gossip),
      door.admit(bytes, exchange),
    ]);
    expect(verdicts).toEqual([ACCEPT, ACCEPT, ACCEPT]);
    expect(judged).toHaveLength(1);
  });

  it("takes the first gossip of what an exchange brought before, and no later one: that is a replay", async () => {
    const { bytes } = await sign(author);
    await door.admit(bytes, exchange);
    expect(await door.admit(bytes, gossip)).toEqual(ACCEPT);
    const replay = { verdict: "ignore", reason: "replay" };
    expect(await door.admit(bytes, gossip)).toEqual(replay);
    expect(await door.admit(bytes, exchange)).toEqual(ACCEPT);
    expect(refusals).toEqual([["forwarder", replay]]);
    expect(judged).toHaveLength(1);
  });

  it("ignores authors that are no members here, and blames nobody for passing them on", async () => {
    const { bytes } = await sign(stranger);
    const refusal = { verdict: "ignore", reason: "not-member" };
    expect(await door.admit(bytes, exchange)).toEqual(refusal);
    expect(refusals).toEqual([["peer", { ...refusal, author: stranger.peerId }]]);
    expect(judged).toEqual([]);
  });

  it("does not blame others for forwarding a banned author's announcement", async () => {
    membership.refuse(author.peerId, Number.POSITIVE_INFINITY);
    const { bytes } = await sign(author);
    expect(await door.admit(bytes, exchange)).toEqual({ verdict: "ignore", reason: "not-member" });
  });

  it("ignores those of another run, and all of them while it is of none", async () => {
    const otherRun = { verdict: "ignore", reason: "other-run" };
    const { bytes } = await sign(author, { run: digestOf(Buffer.from("another")) });
    expect(await door.admit(bytes, gossip)).toEqual(otherRun);
    door.run = null;
    expect(await door.admit((await sign(author)).bytes, gossip)).toEqual(otherRun);
    expect(refusals).toEqual([
      ["forwarder", otherRun],
      ["forwarder", otherRun],
    ]);
    expect(judged).toEqual([]);
  });

  it("refuses too many bytes without looking at them", async () => {
    expect(await door.admit(new Uint8Array(1025), exchange)).toEqual({
      verdict: "reject",
      reason: "too-large",
    });
  });
});

describe("a flood", () => {
  it("of one author's is ignored above what rounds need, whoever hands it on", async () => {
    const messages = await Promise.all(
      Array.from({ length: 20 }, (_, round) => sign(author, { round, sequence: round })),
    );
    const verdicts = [];
    for (const { bytes } of messages) verdicts.push(await door.admit(bytes, exchange));

    expect(verdicts.filter(({ verdict }) => verdict === "accept")).toHaveLength(16);
    expect(verdicts.at(-1)).toEqual({ verdict: "ignore", reason: "flood" });
    expect(refusals.at(-1)?.[1]).toMatchObject({ reason: "flood", author: author.peerId });
    expect(floods).toEqual([]);
  });

  it("of a peer is given up before a signature is looked at", async () => {
    const junk = Array.from({ length: 300 }, (_, i) => Uint8Array.of(i & 255, i >> 8, 1, 2));
    for (const bytes of junk) await door.admit(bytes, exchange);

    expect(floods).toHaveLength(300 - 256);
    expect(new Set(floods)).toEqual(new Set(["peer"]));
    // Another peer is heard all the same.
    expect((await door.admit((await sign(author)).bytes, gossip)).verdict).toBe("accept");
  });
});

describe("the judge's opinion", () => {
  it("is what gossip is told, and is reported", async () => {
    opinion = { verdict: "reject", reason: "other-update" };
    const { bytes } = await sign(author);
    expect(await door.admit(bytes, gossip)).toEqual(opinion);
    expect(refusals).toEqual([["forwarder", { ...opinion, author: author.peerId }]]);
    expect(door.cache.current(NOW)).toEqual([]);
  });

  it("may change: what was ignored too early is judged again, and reported once", async () => {
    opinion = { verdict: "ignore", reason: "future-round" };
    const { bytes } = await sign(author);
    for (let times = 0; times < 3; times += 1) await door.admit(bytes, exchange);
    expect(refusals).toHaveLength(1);
    opinion = ACCEPT;
    expect(await door.admit(bytes, exchange)).toEqual(ACCEPT);
    expect(door.cache.current(NOW)).toHaveLength(1);
  });

  it("is not asked about this node's own announcements that come back", async () => {
    const own = await sign(author);
    door.remember(own);
    expect(await door.admit(own.bytes, exchange)).toEqual(ACCEPT);
    expect(judged).toEqual([]);
    expect(door.cache.current(NOW)).toEqual([own]);
  });
});

describe("what is kept for others", () => {
  it("is the two newest of an author, and nothing expired", async () => {
    const cache = new AnnouncementCache();
    const all = await Promise.all([1, 2, 3, 4].map((sequence) => sign(author, { sequence })));
    for (const signed of [all[2], all[0], all[3], all[3], all[1]]) if (signed) cache.add(signed);
    expect(cache.current(NOW).map(({ announcement }) => announcement.sequence)).toEqual([4, 3]);
    expect(cache.current(NOW + 1001)).toEqual([]);
  });

  it("is both of a pair that contradicts itself", async () => {
    const cache = new AnnouncementCache();
    cache.add(await sign(author, { examples: 1 }));
    cache.add(await sign(author, { examples: 2 }));
    expect(cache.current(NOW)).toHaveLength(2);
  });

  it("is bounded, whoever may write", async () => {
    const cache = new AnnouncementCache();
    const signed = await sign(author);
    for (let index = 0; index < 3000; index += 1) {
      const announcement = { ...signed.announcement, author: `author ${index}` };
      cache.add({ announcement, bytes: signed.bytes });
    }
    expect(cache.current(NOW)).toHaveLength(1024);
    expect(cache.current(NOW)[0]?.announcement.author).toBe("author 2999");
  });
});
