import {
  adoptedState,
  type Candidate,
  createRound,
  type Effect,
  type Event,
  mix,
  type RoundConfig,
  type RoundState,
  sharesOf,
  step,
  type Untimed,
  type UpdateMemory,
  type Updates,
  usable,
} from "../../../src/consensus/index.ts";
import type { PeerLearner } from "../../../src/node/peer/ports.ts";
import type { Digest, MixingRule, PeerId } from "../../../src/types.ts";

/** Own payloads that are served: of the round and the one before, as the step opens them. */
const PAYLOADS_HELD = 2;
const MIXING_MS = 20;

/** What a bare peer is made of; all but the first three is the same for all. */
export interface BareSetup {
  readonly learner: PeerLearner;
  readonly config: RoundConfig;
  /** Of whom it takes a share in a round. */
  readonly sharesIn: (round: number) => ReadonlyMap<PeerId, number>;
  readonly initial: Float32Array;
  readonly updates: Updates;
  readonly rule: MixingRule;
  readonly steps: number;
}

/** What a bare peer asks of the world it lives in. */
export interface BareWorld {
  readonly now: number;
  after(milliseconds: number, run: () => void): void;
  announce(from: BarePeer, round: number, payload: Digest): void;
  fetch(client: BarePeer, peer: PeerId, payload: Digest, arrive: (bytes: Uint8Array) => void): void;
  fail(error: unknown): void;
}

/** A payload that is held for others, and who waits for it to be opened to it. */
interface HeldPayload {
  readonly bytes: Uint8Array;
  openTo: ReadonlySet<PeerId> | "everybody";
  readonly waiting: Map<PeerId, (bytes: Uint8Array) => void>;
}

/** One peer: the pure round, what it learns and what it serves; no node around it. */
export class BarePeer {
  readonly id: PeerId;
  adapter: Float32Array;
  /** Rounds that it finished, and those of them in which it mixed with anybody. */
  rounds = 0;
  mixedRounds = 0;
  isFinished = false;
  bytesSent = 0;
  /** Times at which it had anything to say against another. */
  accusations = 0;
  readonly #setup: BareSetup;
  readonly #world: BareWorld;
  readonly #payloads = new Map<Digest, HeldPayload>();
  readonly #arrived = new Map<PeerId, Uint8Array>();
  #round: RoundState;
  #memory: UpdateMemory;

  constructor(setup: BareSetup, world: BareWorld) {
    this.id = setup.config.self;
    this.#setup = setup;
    this.#world = world;
    this.adapter = setup.initial;
    this.#memory = setup.updates.begin(setup.initial);
    this.#round = createRound(setup.config);
  }

  /** Feeds one event to the round and performs what follows from it. */
  dispatch(event: Untimed<Event>): void {
    const [round, effects] = step(this.#round, { ...event, now: this.#world.now } as Event);
    this.#round = round;
    for (const effect of effects) this.#perform(effect);
  }

  /** Hands over a payload as soon as it is open to a peer; never one that is not held any more. */
  serve(payload: Digest, to: PeerId, hand: (bytes: Uint8Array) => void): void {
    const held = this.#payloads.get(payload);
    if (held === undefined) return;
    if (held.openTo === "everybody" || held.openTo.has(to)) hand(held.bytes);
    else held.waiting.set(to, hand);
  }

  // --- internal ---

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "train":
        this.#train(effect.round).catch((error: unknown) => this.#world.fail(error));
        break;
      case "announce":
        this.#world.announce(this, effect.round, effect.payload);
        break;
      case "open":
        this.#open(effect.payload, effect.to);
        break;
      case "start-timer": {
        const { timer, round } = effect;
        this.#world.after(effect.at - this.#world.now, () => {
          this.dispatch({ type: "timer", timer, round });
        });
        break;
      }
      case "fetch": {
        const { peer, round } = effect;
        this.#world.fetch(this, peer, effect.payload, (bytes) => {
          this.#arrived.set(peer, bytes);
          this.dispatch({ type: "fetched", peer, round });
        });
        break;
      }
      case "mix":
      case "adopt":
        this.#world.after(MIXING_MS, () => this.#mix(effect));
        break;
      case "observe":
        if (effect.kind !== "timely") this.accusations += 1;
        break;
      case "commit":
        this.rounds += 1;
        this.#arrived.clear();
        break;
      case "finish":
        this.isFinished = true;
        break;
    }
  }

  async #train(round: number): Promise<void> {
    const { learner, updates, steps } = this.#setup;
    const optimizer = learner.initialOptimizer();
    const trained = await learner.train({ adapter: this.adapter, optimizer, round, steps });
    this.adapter = trained.adapter;
    const made = updates.offer(this.#memory, trained.adapter);
    this.#memory = made.memory;
    // a name stands for contents: as good as a digest, and faster
    const payload = `${this.id}/${round}`;
    this.#payloads.set(payload, { bytes: made.payload, openTo: new Set(), waiting: new Map() });
    for (const oldest of this.#payloads.keys()) {
      if (this.#payloads.size > PAYLOADS_HELD) this.#payloads.delete(oldest);
    }
    this.dispatch({ type: "trained", round, payload });
  }

  #open(payload: Digest, to?: readonly PeerId[]): void {
    const held = this.#payloads.get(payload);
    if (held === undefined || held.openTo === "everybody") return;
    held.openTo = to === undefined ? "everybody" : new Set(to);
    const { openTo, bytes, waiting } = held;
    for (const [peer, hand] of waiting) {
      if (openTo !== "everybody" && !openTo.has(peer)) continue;
      waiting.delete(peer);
      hand(bytes);
    }
  }

  #mix({ type, round, peers }: Effect & { type: "mix" | "adopt" }): void {
    const { rule, config } = this.#setup;
    const { attackersMax } = config;
    const candidates = this.#candidates(round, peers);
    if (type === "adopt") {
      this.adapter = adoptedState(usable(candidates), attackersMax)?.state ?? this.adapter;
    } else {
      const { contributions, attackerShare } = sharesOf(candidates, [], attackersMax);
      this.adapter = mix(rule, { own: this.adapter, contributions, attackersMax, attackerShare });
      if (contributions.length > 0) this.mixedRounds += 1;
    }
    this.dispatch({ type: "mixed", round });
  }

  #candidates(round: number, peers: readonly PeerId[]): readonly Candidate[] {
    const { updates, initial, sharesIn } = this.#setup;
    return [...sharesIn(round)].map(([peer, share]) => {
      const bytes = peers.includes(peer) ? this.#arrived.get(peer) : undefined;
      const read = bytes && updates.read(initial, bytes);
      const told = read?.verdict === "accept" ? read.value : null;
      const state = told && updates.toMix(this.#memory, this.adapter, told);
      return { peer, state, share, trust: 1 };
    });
  }
}
