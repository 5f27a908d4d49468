import {
  type AgreedConfig,
  type AgreedEffect,
  type AgreedEvent,
  type AgreedState,
  type Block,
  createAgreed,
  genesis,
  type HeldPayload,
  type Members,
  type QuorumCertificate,
  type SignedStatement,
  stepAgreed,
} from "../../src/consensus/index.ts";

/** `Omit` that keeps the members of a union apart. */
type Untimed<T> = T extends unknown ? Omit<T, "now"> : never;
type Statement = SignedStatement["statement"];
type Opinions = Extract<Statement, { kind: "ballot" }>["opinions"];

const RUN = "0".repeat(64);
export const ROSTER = ["a", "b", "c", "d"];
export const BYTES = 1000;
export const MEMBERS: Members = { peers: ROSTER, digest: RUN, turns: [3, 0, 1, 2] };
const CONFIG: AgreedConfig = {
  ...{ self: "a", run: RUN, rounds: 3, attackersMin: 1 },
  membersOf: (peers) => ({ peers, digest: peers.join(), turns: [...peers.keys()] }),
  payloadBytes: () => BYTES,
  timing: {
    ...{ commitGraceMs: 2000, graceShare: 0.5, toleranceShare: 0.2, missesMax: 2 },
    ...{ fetchGraceMs: 2000, fetchMaxMs: 8000, openDelayMs: 500, viewMs: 1000, repeatMs: 1000 },
    patienceFactor: 4,
  },
};
export const NAME = { run: RUN, height: 0, parent: RUN };

/** One member of four, and what it asked for. */
export class Node {
  now = 0;
  state: AgreedState;
  asked: AgreedEffect[] = [];

  constructor(self = "a", turns = MEMBERS.turns) {
    const place = ROSTER.indexOf(self);
    const payload = { place, payload: `of ${self}`, bytes: BYTES };
    const head = genesis(RUN, "start", { ...MEMBERS, turns });
    this.state = createAgreed({ ...CONFIG, self }, { head, payload });
  }

  hear(event: Untimed<AgreedEvent>): this {
    const [state, effects] = stepAgreed(this.state, { ...event, now: this.now } as AgreedEvent);
    this.state = state;
    this.asked.push(...effects);
    return this;
  }

  /** Starts, and hears from the others that they hold nothing else of it. */
  start(said: readonly SignedStatement[] = [], certificates: readonly QuorumCertificate[] = []) {
    this.hear({ type: "started", said, certificates });
    const { head, config } = this.state;
    for (const peer of ROSTER.filter((each) => each !== config.self)) {
      this.hear({ type: "answered", peer, round: head.height });
    }
    return this;
  }

  told(...signed: readonly SignedStatement[]): this {
    for (const each of signed) this.hear({ type: "statement", signed: each });
    return this;
  }

  /** Own statements go to disk, and count from then on. */
  perform(): this {
    const sent = this.sent();
    this.asked = this.asked.filter(({ type }) => type !== "send");
    return this.told(...sent.map((statement) => signed("a", statement)));
  }

  sent(): readonly Statement[] {
    return this.asked.flatMap((effect) => (effect.type === "send" ? [effect.statement] : []));
  }

  kinds(): readonly string[] {
    return this.sent().map(({ kind }) => kind);
  }
}

export const signed = (author: string, statement: Statement): SignedStatement => ({
  ...{ author, statement, signature: new TextEncoder().encode(author) },
});
const signatures = [1, 2, 3].map((place) => ({ place, signature: new Uint8Array() }));
export const certificate = (
  vote: QuorumCertificate["vote"],
  view: number,
  block: string | null,
): QuorumCertificate => ({ ...NAME, kind: "certificate", vote, view, block, signatures });
export const list = (author: string, held: readonly HeldPayload[]) =>
  signed(author, { ...NAME, kind: "list", held });
export const ballot = (author: string, held: readonly HeldPayload[]) => {
  const opinions: Opinions = ROSTER.map((_, place) =>
    held.some((each) => each.place === place) ? "neutral" : "absent",
  );
  return signed(author, { ...NAME, kind: "ballot", opinions, held });
};
export const ALL = ROSTER.map((peer, place) => ({ place, payload: `of ${peer}` }));

export const announced = (peer: string, payload = `of ${peer}`, payloadBytes = BYTES) =>
  ({ type: "announced", peer, round: 0, payload, payloadBytes }) as const;

export function blockOf(ballots: readonly SignedStatement[], change: Partial<Block> = {}): Block {
  const slips = ballots.flatMap(({ author, statement, signature }) =>
    statement.kind === "ballot" ? [{ place: ROSTER.indexOf(author), ...statement, signature }] : [],
  );
  const payloads = ALL.map((each) => ({ ...each, bytes: BYTES }));
  return {
    ...{ ...NAME, roster: RUN, payloads, norm: 4, checkpoint: "after" },
    ballots: slips.map(({ place, opinions, held, signature }) => ({
      ...{ place, opinions, held, signature },
    })),
    cut: [0, 1, 2, 3],
    evidence: [],
    rosterChanges: [],
    decision: null,
    ...change,
  };
}

export const proposal = (view: number, block: string, body: Block | null = null, confirms = null) =>
  signed(ROSTER[MEMBERS.turns[view % 4] as number] as string, {
    ...{ ...NAME, kind: "proposal", view, block, body, confirms },
  });
