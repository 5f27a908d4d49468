import {
  createRound,
  describe,
  type Effect,
  type Event,
  type ResumePoint,
  type RoundState,
  step,
  type Untimed,
} from "../../consensus/index.ts";
import type { Announcement } from "../../gossip/index.ts";
import type { Evidence, PeerId } from "../../types.ts";
import { untilBeginning } from "./beginning.ts";
import { Collecting } from "./collecting.ts";
import { DriverLoop } from "./driver-loop.ts";
import { Keeping } from "./keeping.ts";
import { Mixing } from "./mixing.ts";
import { applyStanding, noteEvidence, passTime } from "./observing.ts";
import { OwnUpdates } from "./own-updates.ts";
import type { PeerParts } from "./peer-parts.ts";
import { PeerState } from "./peer-state.ts";
import type { HeardAnnouncement, RunDriver } from "./run-driver.ts";

/**
 * The one loop that does things: every event goes through the pure `step`, every effect that comes out is performed
 * through the ports. It holds no rules of its own.
 */
export class Driver implements RunDriver {
  readonly #parts: PeerParts;
  readonly #ownUpdates: OwnUpdates;
  readonly #collecting: Collecting;
  readonly #mixing: Mixing;
  readonly #keeping: Keeping;
  readonly #loop: DriverLoop;
  readonly #dismissed = new Set<PeerId>();
  /** What the node carries from round to round. */
  readonly state: PeerState;
  #round: RoundState;

  constructor(parts: PeerParts, resume: ResumePoint) {
    const { network, neighbourhoods, config } = parts;
    this.#parts = parts;
    this.#loop = new DriverLoop(parts.clock);
    const { signal } = this.#loop;
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
        later: {
          everyone: neighbourhoods.everyNeighbour,
          at: (round) => neighbourhoods.at(round),
        },
        rounds: neighbourhoods.rounds,
        startOthers: neighbourhoods.startOthers,
        timing: config.timing,
      },
      payload === null ? resume : { ...resume, payload },
    );
  }

  get finished(): Promise<void> {
    return this.#loop.finished;
  }

  get round(): number {
    return this.#round.round;
  }

  describe(): ReturnType<typeof describe> {
    return describe(this.#round);
  }

  describeAgreed(): null {
    return null;
  }

  isReadable({ mode, codec, flags, reference }: Announcement): boolean {
    const { updates } = this.#parts;
    const isOurs = mode === "gossip" && codec === updates.codec && flags === 0;
    return isOurs && (updates.hasTracks || reference === this.state.reference);
  }

  hear({ reference, ...announced }: HeardAnnouncement): void {
    // what it said itself, before its data folder was lost, is in the book
    if (announced.peer === this.#parts.network.peerId) return;
    if (this.#parts.updates.hasTracks) {
      this.state.tracks.hear(announced.peer, { ...announced, reference });
    }
    this.dispatch({ type: "announced", ...announced });
  }

  met(peer: PeerId, event: "greeted" | "left" | "disconnected"): void {
    if (event === "disconnected") return;
    this.dispatch({ type: "presence", peer, isThere: event === "greeted" });
  }

  start(): void {
    for (const peer of this.#parts.neighbourhoods.everyNeighbour) this.#applyStanding(peer);
    this.#dismiss();
    this.#loop.spawn(async () => {
      await this.#ownUpdates.announceAgain(this.round);
      await untilBeginning(this.#parts, this.#loop, this.round);
      this.dispatch({ type: "started" });
    });
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Feeds one event to the round and performs what follows from it. */
  dispatch(event: Untimed<Event>): void {
    if (this.#loop.signal.aborted) return;
    const now = this.#parts.clock.now();
    const [round, effects] = step(this.#round, { ...event, now } as Event);
    this.#round = round;
    if (effects.length === 0) return;
    const seen = effects.filter((effect) => effect.type === "observe");
    if (seen.length > 0) this.observe(seen.map(({ type: _, ...each }) => ({ ...each, at: now })));
    for (const effect of effects) this.#perform(effect);
    const { phase } = this.#round;
    if (phase !== "idle") this.state.enter(phase, this.round, now);
  }

  observe(evidence: readonly Evidence[]): void {
    for (const peer of noteEvidence(this.#parts, evidence)) this.#applyStanding(peer);
  }

  // --- internal ---

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
        this.#loop.spawn(() => this.#train(effect.round));
        break;
      case "announce":
        this.#loop.spawn(() => this.#ownUpdates.announce(effect.round, effect.payload));
        break;
      case "open":
        this.#ownUpdates.open(effect.payload, effect.to);
        break;
      case "start-timer":
        this.#startTimer(effect);
        break;
      case "fetch":
        this.#loop.spawn(() => this.#fetch(effect));
        break;
      case "mix":
        this.#loop.spawn(() => this.#mix(effect.round, effect.peers));
        break;
      case "adopt":
        this.#loop.spawn(() => this.#adopt(effect.round, effect.peers));
        break;
      case "observe":
        // noted all at once
        break;
      case "commit":
        this.#commit(effect);
        break;
      case "finish":
        this.#loop.spawn(async () => {
          await this.#keeping.finish();
          this.#loop.finish();
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
  #commit({ round, next }: Effect & { type: "commit" }): void {
    const { neighbourhoods } = this.#parts;
    const changed = passTime(this.#parts, round + 1, neighbourhoods.everyNeighbour);
    this.#keeping.commit(round, next);
    for (const peer of changed) this.#applyStanding(peer);
    this.#dismiss();
  }

  #startTimer({ timer, round, at }: Effect & { type: "start-timer" }): void {
    const delay = at - this.#parts.clock.now();
    this.#loop.startTimer(timer, delay, () => this.dispatch({ type: "timer", timer, round }));
  }

  #applyStanding(peer: PeerId): void {
    this.dispatch({ type: "standing", peer, standing: applyStanding(this.#parts, peer) });
  }
}
