import { afterEach, describe, expect, it } from "vitest";
import { generateIdentity } from "../../../src/gossip/index.ts";
import { encodeRequest, PAYLOAD_PROTOCOL } from "../../../src/gossip/payloads/payload-protocol.ts";
import {
  FLAG,
  FRAME,
  header,
  leaveAll,
  line,
  many,
  pour,
  proposal,
  type RawConnection,
  rawMember,
} from "../../support/raw-channel.ts";
import { type Course, type NetworkChoices, Victim } from "../../support/victim.ts";
import { startNode, stopNodes, type TestNode } from "./network-fixture.ts";

afterEach(async () => {
  leaveAll();
  await stopNodes();
});

const KIB = 1024;
const MIB = 1024 * KIB;
const NO_LIMIT = { burst: Number.MAX_SAFE_INTEGER, perSecond: 0 };
/** Without limits it is half a minute. */
const LAG_MS = 1000;

interface Scene {
  readonly victim: Victim;
  readonly honest: readonly TestNode[];
  readonly end: () => Promise<Course>;
}

/** A victim with two honest peers. */
async function scene(choices: NetworkChoices = {}): Promise<Scene> {
  const victim = await Victim.start(choices);
  const config = { bootstrap: [victim.listening.address], peerExchange: false };
  const honest = await Promise.all([startNode({ config }), startNode({ config })]);
  await victim.state(({ peers }) => peers.length === honest.length);
  await fetched(victim, honest[0]);
  return { victim, honest, end: await victim.watch() };
}

async function fetched({ listening }: Victim, node: TestNode | undefined): Promise<void> {
  const { peerId, payload: digest, bytes } = listening;
  const signal = AbortSignal.timeout(30_000);
  const outcome = await node?.network.fetch(peerId, { digest, bytes }, { signal });
  expect(outcome).toMatchObject({ ok: true });
}

/** Why the victim cut a peer's connection, as its log has it beside the peer id. */
async function whyCut(victim: Victim, id: string): Promise<string> {
  const { why } = await victim.said(
    ({ message, peer }) => message === "cut a connection" && peer === id,
  );
  return why ?? "";
}

/** Somebody with a member's key does this until the victim cuts the connection; why it did. */
async function attacked(
  { victim }: Scene,
  how: (raw: RawConnection) => void | Promise<void>,
): Promise<string> {
  const { key, peerId } = await generateIdentity();
  const attacking = how(await rawMember(victim.listening.address, key));
  const why = await whyCut(victim, peerId);
  leaveAll();
  await attacking;
  return why;
}

/** The victim kept its memory, its pace and its peers, and serves them. */
async function unharmed({ victim, honest, end }: Scene): Promise<void> {
  await fetched(victim, honest[1]);
  const course = await end();
  expect(course.grownBy).toBeLessThan(100 * MIB);
  expect(course.lagMs).toBeLessThan(LAG_MS);
  const ids = honest.map(({ identity }) => identity.peerId);
  expect(course.always.toSorted()).toEqual(ids.toSorted());
}

const pings = many(5000, (index) => header(FRAME.ping, FLAG.syn, 0, index));
const open = (id: number) => header(FRAME.window, FLAG.syn, id, 0);
const data = (id: number, bytes: Uint8Array) =>
  Buffer.concat([header(FRAME.data, FLAG.none, id, bytes.byteLength), bytes]);

const pourPings = (raw: RawConnection) => pour(raw, pings);

/** Begins a frame of four gigabytes, and goes on with it. */
function pourGiantFrame(raw: RawConnection): Promise<void> {
  raw.channel.send(Buffer.concat([open(1), header(FRAME.data, FLAG.none, 1, 2 ** 32 - 1)]));
  return pour(raw, new Uint8Array(64 * KIB));
}

/** Asks for megabytes on four streams, with windows that hold them, and reads nothing. */
function askWithoutReading({ socket, channel }: RawConnection, payload: string): void {
  socket.pause();
  const request = encodeRequest({ payload, offset: 0, length: MIB });
  for (const id of [1, 3, 5, 7]) {
    const asked = Buffer.concat([proposal(PAYLOAD_PROTOCOL), many(8, () => request)]);
    channel.send(Buffer.concat([open(id), data(id, asked)]));
    channel.send(header(FRAME.window, FLAG.none, id, 2 ** 30));
  }
}

describe("a member that reads nothing", () => {
  it("is cut when too much waits for it", async () => {
    const stage = await scene({ limits: { maxUnsentBytes: 128 * KIB, frames: NO_LIMIT } });
    const { payload } = stage.victim.listening;
    const why = await attacked(stage, (raw) => {
      askWithoutReading(raw, payload);
      return pourPings(raw);
    });
    expect(why).toMatch(/left \d+ bytes unread/);
    await unharmed(stage);
  });

  it("is cut when anything waits for it for long", async () => {
    const stage = await scene({ limits: { stallMs: 500 } });
    const { payload } = stage.victim.listening;
    const why = await attacked(stage, (raw) => askWithoutReading(raw, payload));
    expect(why).toMatch(/read nothing for/);
    await unharmed(stage);
  });
});

describe("a member that floods", () => {
  const streams = many(5000, (index) => open(2 * index + 1));
  const crumbs = Buffer.concat([open(1), many(5000, () => data(1, Buffer.of(64)))]);
  const proposals = Buffer.concat([
    open(1),
    data(
      1,
      many(5000, () => line("a")),
    ),
  ]);
  const echo = Buffer.concat([open(1), data(1, proposal("/ipfs/ping/1.0.0"))]);
  const attacks: readonly [why: RegExp, how: (raw: RawConnection) => Promise<void>][] = [
    [/too many frames/, pourPings],
    [/too many frames/, (raw) => pour(raw, streams)],
    [/too many frames/, (raw) => pour(raw, crumbs)],
    [/too many protocols/, (raw) => pour(raw, proposals)],
    [/a frame of over/, pourGiantFrame],
    [
      // an echo that waits for its reader keeps what comes meanwhile
      /too many bytes/,
      (raw) => {
        raw.channel.send(echo);
        return pour(raw, data(1, new Uint8Array(64 * KIB)));
      },
    ],
  ];

  it("with pings, streams, tiny and giant frames, proposals or echoes is cut", async () => {
    const stage = await scene();
    for (const [why, how] of attacks) expect(await attacked(stage, how)).toMatch(why);
    await unharmed(stage);
  });

  it("takes what it likes where there are no limits", async () => {
    const { victim } = await scene({ unlimited: true });
    const { key } = await generateIdentity();
    for (const how of [pourPings, pourGiantFrame]) {
      const { rss } = await victim.state();
      const pouring = how(await rawMember(victim.listening.address, key));
      await victim.state((state) => state.rss > rss + 60 * MIB);
      leaveAll();
      await pouring;
    }
  });
});

describe("members that hold every transfer of a node", () => {
  /** What comes of a fetch while they do. */
  async function fetchedPast(choices: NetworkChoices) {
    const { victim, honest } = await scene(choices);
    const { payload, bytes, peerId, address } = victim.listening;
    // four transfers each: two more than it takes, for one that is cut on a busy machine
    const members = Array.from({ length: 10 }, async () => {
      const raw = await rawMember(address, (await generateIdentity()).key);
      askWithoutReading(raw, payload);
    });
    await Promise.all(members);
    await victim.said(({ transfers }) => transfers === 32);
    const signal = AbortSignal.timeout(20_000);
    return honest[0]?.network.fetch(peerId, { digest: payload, bytes }, { signal });
  }

  it("give way to one that has none", async () => {
    expect(await fetchedPast({})).toMatchObject({ ok: true });
  });

  it("keep it out where nobody gives way", async () => {
    const outcome = await fetchedPast({ unlimited: true });
    expect(outcome).toMatchObject({ ok: false, detail: /serves too many others/ });
  });
});

describe("a member that comes and goes without end", () => {
  const comings = { burst: 3, refillMs: 3_600_000 };

  it.each([
    [comings, 3],
    [undefined, 6],
  ])("with the limit %o is let in %i times of six", async (limit, times) => {
    const victim = await Victim.start(limit === undefined ? {} : { limits: { comings: limit } });
    const { key, peerId } = await generateIdentity();
    let letIn = 0;
    for (let time = 0; time < 6; time += 1) {
      const raw = await rawMember(victim.listening.address, key).catch(() => null);
      if (raw === null) continue;
      letIn += 1;
      raw.socket.abort(new Error("on to the next"));
      await victim.state(({ peers }) => peers.length === 0);
    }
    expect(letIn).toBe(times);
    if (limit === undefined) return;
    const refused = await victim.said(({ message }) => message === "refused a connection");
    expect(refused).toMatchObject({ peer: peerId, reason: "flood" });
  });
});

describe("a member that connects forty times and fills every stream", () => {
  it("is cut, and what it sent is not kept", async () => {
    const stage = await scene();
    const { key, peerId } = await generateIdentity();
    const ids = Array.from({ length: 12 }, (_, index) => 2 * index + 1);
    const begin = ids.map((id) => Buffer.concat([open(id), data(id, proposal(PAYLOAD_PROTOCOL))]));
    const filler = Buffer.concat(ids.map((id) => data(id, new Uint8Array(64 * KIB))));
    const fill = async () => {
      const raw = await rawMember(stage.victim.listening.address, key).catch(() => null);
      raw?.channel.send(Buffer.concat(begin));
      if (raw !== null) await pour(raw, filler);
    };
    await Promise.all(Array.from({ length: 40 }, fill));
    expect(await whyCut(stage.victim, peerId)).toMatch(/too many bytes/);
    await unharmed(stage);
  });
});
