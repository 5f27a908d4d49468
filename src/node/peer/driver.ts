import {
  createRound,
  describe,
  type Effect,
  type Event,
  type ResumePoint,
  type RoundState,
  step,
} from "../../consensus/index.ts";
import { advance, observe, standing as standingOf, toJson } from "../../reputation/index.ts";
import type { Evidence, PeerId } from "../../types.ts";
import { Collecting } from "./collecting.ts";
import { Keeping } from "./keeping.ts";
import { Mixing } from "./mixing.ts";
import { OwnUpdates } from "./own-updates.ts";
import type { PeerParts } from "./peer-parts.ts";
import { PeerState } from "./peer-state.ts";

/** Timers of Node end at once when they are set for more than 24 days. */
const LONGEST_TIMER_MS = 86_400_000;

/** `Omit` that keeps the members of a union apart. */
type Untimed<T> = T extends unknown ? Omit<T, "now"> : never;

/**
 * The one loop that does things: every event goes through the pure `step`, every effect that comes out is performed
 * through the ports. It holds no rules of its own.
 */
export class Driver {
  readonly #parts: PeerParts;
  readonly #ownUpdates: OwnUpdates;
  readonly #collecting: Collecting;
  readonly #mixing: Mixing;
  readonly #keeping: Keeping;
  readonly #timers = new Map<string, () => void>();
  readonly #finished = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #dismissed = new Set<PeerId>();
  /** What the node carries from round to round. */
  readonly state: PeerState;
  #round: RoundState;

  constructor(parts: PeerParts, resume: ResumePoint) {
    const { network, neighbourhoods, config } = parts;
    const { signal } = this.#stopping;
    this.#parts = parts;
    this.state = new PeerState(parts);
    this.#ownUpdates = new OwnUpdates(parts, this.state, signal);
    this.#collecting = new Collecting(parts, this.state, signal);
    this.#mixing = new Mixing(parts, this.state);
    this.#keeping = new Keeping(parts, this.state);
    const payload = this.#ownUpdates.restore(resume.round);
    this.#round = createRound(
      {
        self: network.peerId,
        ...neighbourhoods.at(0),
        changes: neighbourhoods.changes.map((round) => ({ round, ...neighbourhoods.at(round) })),
        rounds: neighbourhoods.rounds,
        startOthers: neighbourhoods.startOthers,
        timing: config.timing,
      },
      payload === null ? resume : { ...resume, payload },
    );
  }

  /** Resolves when the last round is over and evaluated; rejects when the node cannot go on. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  get round(): number {
    return this.#round.round;
  }

  describe(): ReturnType<typeof describe> {
    return describe(this.#round);
  }

  start(): void {
    this.#finished.promise.catch(() => undefined);
    for (const peer of this.#parts.neighbourhoods.everyNeighbour) this.#applyStanding(peer);
    this.#dismiss();
    this.#spawn(async () => {
      await this.#ownUpdates.announceAgain(this.round);
      await this.#untilBeginning();
      this.dispatch({ type: "started" });
    });
  }

  /** Stops performing effects and waits for those under way. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the node stops"));
    for (const callOff of this.#timers.values()) callOff();
    this.#timers.clear();
    await Promise.allSettled([...this.#running]);
  }

  /** Feeds one event to the round and performs what follows from it. */
  dispatch(event: Untimed<Event>): void {
    if (this.#stopping.signal.aborted) return;
    const now = this.#parts.clock.now();
    const [round, effects] = step(this.#round, { ...event, now } as Event);
    this.#round = round;
    const seen = effects.filter((effect) => effect.type === "observe");
    if (seen.length > 0) this.observe(seen.map((effect) => ({ ...effect, at: now })));
    for (const effect of effects) this.#perform(effect);
  }

  /** Notes what peers did: in the ledger, in the store, and where a standing changes, in the round. */
  observe(evidence: readonly Evidence[]): void {
    const { ledger, store, run, metrics, log } = this.#parts;
    const before = ledger.current;
    ledger.current = observe(before, ...evidence);
    for (const each of evidence) {
      metrics.evidence.inc({ kind: each.kind });
      if (each.kind === "timely") continue;
      store.appendEvidence(run, each);
      log.debug({ ...each }, "evidence");
    }
    for (const peer of new Set(evidence.map((each) => each.peer))) {
      if (standingOf(ledger.current, peer) !== standingOf(before, peer)) this.#applyStanding(peer);
    }
  }

  // --- internal ---

  /** A run that nobody has begun yet may have to wait for a time that all have agreed on. */
  async #untilBeginning(): Promise<void> {
    const { clock, config, log } = this.#parts;
    const at = config.run.start.at === null ? 0 : Date.parse(config.run.start.at);
    if (this.round > 0 || at <= clock.wallClock()) return;
    log.info({ at: config.run.start.at }, "the run begins later");
    while (at > clock.wallClock() && !this.#stopping.signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#stopping.signal.addEventListener("abort", () => resolve(), { once: true });
      this.#timers.set(
        "start",
        clock.after(Math.min(LONGEST_TIMER_MS, at - clock.wallClock()), resolve),
      );
      await promise;
    }
  }

  /** Parts from those who are no members any more. */
  #dismiss(): void {
    const { network, neighbourhoods, log } = this.#parts;
    for (const peer of neighbourhoods.goneBefore(this.round)) {
      if (this.#dismissed.has(peer)) continue;
      this.#dismissed.add(peer);
      log.info({ peer, round: this.round + 1 }, "no member of the run any more");
      network.ban(peer);
    }
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "train":
        this.#spawn(() => this.#train(effect.round));
        break;
      case "announce":
        this.#spawn(() => this.#ownUpdates.announce(effect.round, effect.payload));
        break;
      case "open":
        this.#parts.network.open(effect.payload, effect.to);
        break;
      case "start-timer":
        this.#startTimer(effect);
        break;
      case "fetch":
        this.#spawn(() => this.#fetch(effect));
        break;
      case "mix":
        this.#spawn(() => this.#mix(effect.round, effect.peers));
        break;
      case "adopt":
        this.#spawn(() => this.#adopt(effect.round, effect.peers));
        break;
      case "observe":
        // noted all at once
        break;
      case "commit":
        this.#commit(effect.round);
        break;
      case "finish":
        this.#spawn(async () => {
          await this.#keeping.finish();
          this.#finished.resolve();
        });
        break;
    }
  }

  async #train(round: number): Promise<void> {
    const payload = await this.#ownUpdates.train(round);
    this.dispatch({ type: "trained", round, payload });
  }

  async #fetch(effect: Effect & { type: "fetch" }): Promise<void> {
    const { peer, round } = effect;
    const reason = await this.#collecting.fetch(effect);
    if (reason === null) this.dispatch({ type: "fetched", peer, round });
    else this.dispatch({ type: "fetch-failed", peer, round, reason });
  }

  async #mix(round: number, peers: readonly PeerId[]): Promise<void> {
    this.observe(await this.#mixing.mix(round, peers));
    this.dispatch({ type: "mixed", round });
  }

  async #adopt(round: number, peers: readonly PeerId[]): Promise<void> {
    await this.#mixing.adopt(round, peers);
    this.dispatch({ type: "mixed", round });
  }

  /** Ends a round: time passes for the ledger, and what is left of it is kept. */
  #commit(round: number): void {
    const { ledger, neighbourhoods } = this.#parts;
    const before = ledger.current;
    ledger.current = advance(before, round + 1);
    this.#keeping.commit(round, toJson(ledger.current));
    for (const peer of neighbourhoods.everyNeighbour) {
      if (standingOf(before, peer) !== standingOf(ledger.current, peer)) this.#applyStanding(peer);
    }
    this.#dismiss();
  }

  #startTimer({ timer, round, at }: Effect & { type: "start-timer" }): void {
    const { clock } = this.#parts;
    this.#timers.get(timer)?.();
    const delay = Math.max(0, at - clock.now());
    this.#timers.set(
      timer,
      clock.after(delay, () => this.dispatch({ type: "timer", timer, round })),
    );
  }

  #applyStanding(peer: PeerId): void {
    const { ledger, network, log } = this.#parts;
    const standing = standingOf(ledger.current, peer);
    if (standing === "evicted") network.ban(peer);
    if (standing !== "full") log.warn({ peer, standing }, "standing changed");
    this.dispatch({ type: "standing", peer, standing });
  }

  /** Runs work beside the loop; a failure that is not the stop itself ends the node. */
  #spawn(work: () => Promise<void>): void {
    const task = work()
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) this.#finished.reject(error);
      })
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }
}
