import assert from "node:assert/strict";
import {
  buildGraph,
  createRound,
  type Effect,
  type Event,
  parseTopology,
  roundTimingSchema,
  step,
} from "../../src/consensus/index.ts";
import { seededRandom } from "../../src/random.ts";
import { emptyLedger, observe, standing } from "../../src/reputation/index.ts";
import type { Fault, SimulatedPeer, SimulationOptions } from "./scenario.ts";
import { VirtualTime } from "./virtual-time.ts";

const HEARTBEAT_MS = 1000;
const CONNECT_MS = 300;
/** How long a server lets a request for a payload that is not open yet wait. */
const OPEN_WAIT_MS = 30_000;

/** Runs many peers' `step` in virtual time; deterministic in its seed. */
export class Simulation {
  readonly peers: readonly SimulatedPeer[];
  readonly clock = new VirtualTime();
  readonly #options: SimulationOptions;
  readonly #random: () => number;
  readonly #faults: ReadonlyMap<string, Fault>;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const faults = options.faults ?? [];
    this.#faults = new Map(
      faults.flatMap((fault) =>
        fault.kind === "partition" || fault.kind === "crash"
          ? []
          : [[`${fault.kind} ${fault.peer}`, fault] as const],
      ),
    );
    const ids = Array.from(
      { length: options.peers },
      (_, i) => `peer-${String(i).padStart(3, "0")}`,
    );
    const graph = buildGraph(parseTopology(options.topology ?? "full"), ids);
    const timing = roundTimingSchema.parse(options.timing ?? {});
    this.peers = ids.map((id, index) => ({
      id,
      index,
      honest: ["silent", "withhold", "equivocate", "fast-forward"].every(
        (kind) => !this.#faults.has(`${kind} ${index}`),
      ),
      state: createRound({
        self: id,
        neighbours: graph.get(id) ?? [],
        rounds: options.rounds,
        attackersMax: options.attackersMax ?? 0,
        timing,
      }),
      ledger: emptyLedger(),
      alive: false,
      life: 0,
      nextRound: 0,
      offer: null,
      opened: new Set(),
      announced: new Map(),
      committed: [],
      mixedWith: new Map(),
      evidence: [],
      timers: new Map(),
      finishedAt: null,
    }));
    for (const peer of this.peers) this.clock.after(this.#random() * 2000, () => this.#start(peer));
    for (const fault of faults) if (fault.kind === "crash") this.#planCrash(fault);
  }

  /** Runs until every honest peer that is not gone for good has finished, or time is up. */
  run(): void {
    const gone = new Set<number>();
    for (const fault of this.#options.faults ?? []) {
      if (fault.kind === "crash" && fault.backAfter === null) gone.add(fault.peer);
    }
    const watched = this.peers.filter((peer) => peer.honest && !gone.has(peer.index));
    this.clock.run(this.#options.untilMs, () => watched.every((peer) => peer.finishedAt !== null));
  }

  #has(kind: Fault["kind"], peer: SimulatedPeer): boolean {
    return this.#faults.has(`${kind} ${peer.index}`);
  }

  #planCrash(fault: Extract<Fault, { kind: "crash" }>): void {
    const peer = this.peers[fault.peer];
    assert.ok(peer);
    this.clock.after(fault.at, () => {
      peer.alive = false;
      peer.life += 1;
    });
    if (fault.backAfter === null) return;
    this.clock.after(fault.at + fault.backAfter, () => this.#start(peer));
  }

  #start(peer: SimulatedPeer): void {
    peer.alive = true;
    peer.life += 1;
    const offer = peer.offer?.round === peer.nextRound ? { payload: peer.offer.payload } : {};
    const standings = new Map(this.peers.map(({ id }) => [id, standing(peer.ledger, id)] as const));
    peer.state = createRound(peer.state.config, { round: peer.nextRound, standings, ...offer });
    this.dispatch(peer, { type: "started", now: this.clock.now });
    // A new connection exchanges the last announcements in both directions.
    for (const other of this.peers) {
      for (const [from, to] of [
        [peer, other],
        [other, peer],
      ] as const)
        this.#exchange(from, to);
    }
  }

  #exchange(from: SimulatedPeer, to: SimulatedPeer): void {
    this.clock.after(CONNECT_MS, () => {
      if (!from.alive) return;
      for (const [round, payloads] of [...from.announced].slice(-2)) {
        for (const payload of payloads) this.#send(from, to, round, payload);
      }
    });
  }

  dispatch(peer: SimulatedPeer, event: Event): void {
    if (!peer.alive) return;
    const [state, effects] = step(peer.state, event);
    peer.state = state;
    for (const effect of effects) this.#perform(peer, effect);
  }

  /** Plans an event of this process; it is lost when the process dies first. */
  #later(peer: SimulatedPeer, delay: number, event: (now: number) => Event): void {
    const { life } = peer;
    this.clock.after(delay, () => {
      if (peer.life === life) this.dispatch(peer, event(this.clock.now));
    });
  }

  #perform(peer: SimulatedPeer, effect: Effect): void {
    switch (effect.type) {
      case "train":
        this.#train(peer, effect.round);
        break;
      case "announce":
        this.#announce(peer, effect.round, effect.payload);
        break;
      case "open":
        peer.opened.add(effect.payload);
        break;
      case "start-timer":
        this.#startTimer(peer, effect);
        break;
      case "fetch":
        this.#fetch(peer, effect);
        break;
      case "mix":
        peer.mixedWith.set(effect.round, effect.peers);
        this.#later(peer, 50, (now) => ({ type: "mixed", round: effect.round, now }));
        break;
      case "observe":
        this.#observe(peer, effect);
        break;
      case "commit":
        peer.committed.push(effect.round);
        peer.nextRound = effect.round + 1;
        break;
      case "finish":
        peer.finishedAt ??= this.clock.now;
        break;
    }
  }

  #train(peer: SimulatedPeer, round: number): void {
    const slow = this.#faults.get(`slow ${peer.index}`);
    const factor = slow?.kind === "slow" ? slow.factor : 1;
    const duration = (this.#options.trainMs ?? 4000) * factor * (0.7 + 0.6 * this.#random());
    const { life } = peer;
    this.clock.after(duration, () => {
      if (peer.life !== life) return;
      const payload = `${peer.id}/${round}/${life}`;
      // Kept before it is announced: the moment between both is where a crash would make two.
      peer.offer = { round, payload };
      this.#later(peer, 5, (now) => ({ type: "trained", round, payload, now }));
    });
  }

  #announce(peer: SimulatedPeer, round: number, payload: string): void {
    if (this.#has("silent", peer)) return;
    const payloads = peer.announced.get(round) ?? new Set();
    peer.announced.set(round, payloads.add(payload));
    if (this.#has("equivocate", peer)) payloads.add(`${payload}/other`);
    if (this.#has("fast-forward", peer)) {
      const last = this.#options.rounds - 1;
      peer.announced.set(last, new Set([`${peer.id}/${last}/inflated`]));
      for (const to of this.peers) this.#send(peer, to, last, `${peer.id}/${last}/inflated`);
    }
    for (const to of this.peers) for (const sent of payloads) this.#send(peer, to, round, sent);
  }

  /** An announcement on its way: lost ones come with a later heartbeat, as gossipsub's IHAVE brings them. */
  #send(from: SimulatedPeer, to: SimulatedPeer, round: number, payload: string): void {
    if (from === to) return;
    const delay = 5 + 95 * this.#random();
    const lost = this.#random() < (this.#options.lossRate ?? 0);
    this.clock.after(delay, () => {
      if (lost || this.#isCut(from, to)) {
        this.clock.after(HEARTBEAT_MS, () => this.#send(from, to, round, payload));
        return;
      }
      const announced = { type: "announced", peer: from.id, round, payload } as const;
      this.dispatch(to, { ...announced, payloadBytes: 1000, now: this.clock.now });
    });
  }

  #isCut(a: SimulatedPeer, b: SimulatedPeer): boolean {
    return (this.#options.faults ?? []).some(
      (fault) =>
        fault.kind === "partition" &&
        a.index < fault.peers !== b.index < fault.peers &&
        this.clock.now >= fault.from &&
        this.clock.now < fault.until,
    );
  }

  #startTimer(peer: SimulatedPeer, effect: Extract<Effect, { type: "start-timer" }>): void {
    const { timer, round, at } = effect;
    const number = (peer.timers.get(timer) ?? 0) + 1;
    peer.timers.set(timer, number);
    const { life } = peer;
    // Real timers fire up to a millisecond early.
    this.clock.after(Math.max(1, at - this.clock.now - this.#random()), () => {
      if (peer.life !== life || peer.timers.get(timer) !== number) return;
      this.dispatch(peer, { type: "timer", timer, round, now: this.clock.now });
    });
  }

  #fetch(peer: SimulatedPeer, effect: Extract<Effect, { type: "fetch" }>): void {
    const { round, payload } = effect;
    const server = this.peers.find(({ id }) => id === effect.peer);
    assert.ok(server);
    const giveUpAt = this.clock.now + OPEN_WAIT_MS;
    const poll = (): void => {
      const reachable = server.alive && !this.#isCut(peer, server);
      if (reachable && server.opened.has(payload) && !this.#has("withhold", server)) {
        const transfer = 50 + 450 * this.#random();
        this.#later(peer, transfer, (now) => ({ type: "fetched", peer: server.id, round, now }));
      } else if (this.clock.now >= giveUpAt) {
        const reason = reachable ? "timeout" : "unreachable";
        const failed = { type: "fetch-failed", peer: server.id, round, reason } as const;
        this.#later(peer, 0, (now) => ({ ...failed, now }));
      } else this.clock.after(100, poll);
    };
    this.clock.after(5 + 95 * this.#random(), poll);
  }

  #observe(peer: SimulatedPeer, effect: Extract<Effect, { type: "observe" }>): void {
    peer.evidence.push({ peer: effect.peer, kind: effect.kind, round: effect.round });
    const before = standing(peer.ledger, effect.peer);
    peer.ledger = observe(peer.ledger, { ...effect, at: this.clock.now });
    const after = standing(peer.ledger, effect.peer);
    if (after === before) return;
    this.#later(peer, 0, (now) => ({ type: "standing", peer: effect.peer, standing: after, now }));
  }
}
