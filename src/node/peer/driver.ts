import type { Effect, Event, ResumePoint, RoundState } from "../../consensus/index.ts";
import { createRound, describe, step } from "../../consensus/index.ts";
import { advance, observe, standing as standingOf, toJson } from "../../reputation/index.ts";
import type { Evidence, PeerId } from "../../types.ts";
import type { DriverDeps } from "./driver-deps.ts";
import { RoundWork } from "./round-work.ts";

/** `Omit` that keeps the members of a union apart. */
type Untimed<T> = T extends unknown ? Omit<T, "now"> : never;

/**
 * The one loop that does things: every event goes through the pure `step`, every effect that comes out is performed for
 * real. It holds no rules of its own.
 */
export class Driver {
  readonly #deps: DriverDeps;
  readonly #work: RoundWork;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #finished = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #state: RoundState;

  constructor(deps: DriverDeps, resume: ResumePoint) {
    const { network, neighbours, config, attackersMax } = deps;
    this.#deps = deps;
    this.#work = new RoundWork(deps, this.#stopping.signal);
    const payload = this.#work.restoreOffer(resume.round);
    this.#state = createRound(
      {
        self: network.peerId,
        neighbours,
        rounds: config.run.rounds,
        attackersMax,
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
    return describe(this.#state).round;
  }

  describe(): ReturnType<typeof describe> {
    return describe(this.#state);
  }

  get work(): RoundWork {
    return this.#work;
  }

  start(): void {
    this.#finished.promise.catch(() => undefined);
    for (const peer of this.#deps.neighbours) this.#applyStanding(peer);
    this.#spawn(async () => {
      await this.#work.offerAgain(this.round);
      this.dispatch({ type: "started" });
    });
  }

  /** Stops performing effects and waits for those under way. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the node stops"));
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await Promise.allSettled([...this.#running]);
  }

  /** Feeds one event to the round and performs what follows from it. */
  dispatch(event: Untimed<Event>): void {
    if (this.#stopping.signal.aborted) return;
    const [state, effects] = step(this.#state, { ...event, now: this.#deps.now() } as Event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  /** Notes what a peer did: in the ledger, in the store, and where its standing changes, in the round. */
  observe(evidence: Evidence): void {
    const { ledger, store, run, metrics, log } = this.#deps;
    const before = standingOf(ledger.current, evidence.peer);
    ledger.current = observe(ledger.current, evidence);
    metrics.evidence.inc({ kind: evidence.kind });
    if (evidence.kind !== "timely") {
      store.appendEvidence(run, evidence);
      log.debug({ ...evidence }, "evidence");
    }
    if (standingOf(ledger.current, evidence.peer) !== before) this.#applyStanding(evidence.peer);
  }

  // --- internal ---

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "train":
        this.#spawn(() => this.#train(effect.round));
        break;
      case "announce":
        this.#spawn(() => this.#work.announce(effect.round, effect.payload));
        break;
      case "open":
        this.#deps.network.open(effect.payload);
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
      case "observe":
        this.observe({ ...effect, at: this.#deps.now() });
        break;
      case "commit":
        this.#commit(effect.round);
        break;
      case "finish":
        this.#spawn(async () => {
          await this.#work.finish();
          this.#finished.resolve();
        });
        break;
    }
  }

  async #train(round: number): Promise<void> {
    const payload = await this.#work.train(round);
    this.dispatch({ type: "trained", round, payload });
  }

  async #fetch(effect: Effect & { type: "fetch" }): Promise<void> {
    const { peer, round } = effect;
    const reason = await this.#work.fetch(effect);
    if (reason === null) this.dispatch({ type: "fetched", peer, round });
    else this.dispatch({ type: "fetch-failed", peer, round, reason });
  }

  async #mix(round: number, peers: readonly PeerId[]): Promise<void> {
    for (const evidence of await this.#work.mix(round, peers)) this.observe(evidence);
    this.dispatch({ type: "mixed", round });
  }

  /** Ends a round: time passes for the ledger, and what is left of it is kept. */
  #commit(round: number): void {
    const { ledger, neighbours } = this.#deps;
    const before = ledger.current;
    ledger.current = advance(before, round + 1);
    this.#work.commit(round, toJson(ledger.current));
    for (const peer of neighbours) {
      if (standingOf(before, peer) !== standingOf(ledger.current, peer)) this.#applyStanding(peer);
    }
  }

  #startTimer({ timer, round, at }: Effect & { type: "start-timer" }): void {
    clearTimeout(this.#timers.get(timer));
    const delay = Math.max(0, at - this.#deps.now());
    this.#timers.set(
      timer,
      setTimeout(() => this.dispatch({ type: "timer", timer, round }), delay),
    );
  }

  #applyStanding(peer: PeerId): void {
    const { ledger, network, log } = this.#deps;
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
