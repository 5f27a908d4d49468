import {
  type AgreedEffect,
  type AgreedEvent,
  type AgreedState,
  type AgreedView,
  describeAgreed,
  type Link,
  phaseOf,
  type Statement,
  stepAgreed,
  type Untimed,
} from "../../../consensus/index.ts";
import { type Announcement, blockDigest } from "../../../gossip/index.ts";
import type { Evidence, PeerId } from "../../../types.ts";
import { untilBeginning } from "../beginning.ts";
import { DriverLoop } from "../driver-loop.ts";
import { applyStanding, passTime, takeEvidence } from "../observing.ts";
import type { PeerParts } from "../peer-parts.ts";
import { PeerState } from "../peer-state.ts";
import type { HeardAnnouncement, RunDriver } from "../run-driver.ts";
import { type AgreedRooms, openRooms, protocolOf } from "./agreed-rooms.ts";
import { hasToldAll } from "./asking.ts";
import { listenToAgreement, testimonyIn } from "./listening.ts";
import { roundFacts } from "./round-facts.ts";
import { noteSilence } from "./silence-text.ts";
import type { SaidOnDisk } from "./statements.ts";

/** How long a node waits before it asks the others again for a state that it needs. */
const PAUSE_MS = 2000;

type Asked<Kind extends AgreedEffect["type"]> = Extract<AgreedEffect, { type: Kind }>;

/** The loop of mode `agreed`: every event goes through the pure step, every effect is performed through the ports. */
export class AgreedDriver implements RunDriver {
  readonly state: PeerState;
  readonly #parts: PeerParts;
  readonly #loop: DriverLoop;
  readonly #rooms: AgreedRooms;
  readonly #said: SaidOnDisk;
  #agreed: AgreedState;
  #exchanges = 0;

  constructor(parts: PeerParts, trainingMs: number | undefined) {
    this.#parts = parts;
    this.state = new PeerState(parts);
    this.#loop = new DriverLoop(parts.clock);
    this.#rooms = openRooms(parts, this.state, this.#loop);
    this.#agreed = protocolOf(parts, this.#rooms, trainingMs);
    // before others ask for it
    this.#said = this.#rooms.statements.restore(this.round);
    parts.network.agreementTerms(this.#rooms.terms);
    listenToAgreement(parts, this, this.#rooms);
  }

  get finished(): Promise<void> {
    return this.#loop.finished;
  }

  get round(): number {
    return this.#agreed.head.height;
  }

  get height(): AgreedState["height"] {
    return this.#agreed.height;
  }

  describe(): AgreedView {
    return describeAgreed(this.#agreed);
  }

  describeAgreed(): AgreedView {
    return describeAgreed(this.#agreed);
  }

  start(): void {
    for (const peer of this.#roster) applyStanding(this.#parts, peer);
    this.#loop.spawn(async () => {
      await untilBeginning(this.#parts, this.#loop, this.round);
      this.dispatch({ type: "started", ...this.#said });
      const links = this.#rooms.chain.links(this.round);
      if (links.length > 0) this.dispatch({ type: "chained", links });
      this.#rooms.changes.tell(this);
      this.#hearAgain();
    });
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** What starts from another state is of another height, or of a state that this node will have. */
  isReadable({ mode, codec, flags, reference, round }: Announcement): boolean {
    const isOurs = mode === "agreed" && codec === this.#rooms.updates.codec(round) && flags === 0;
    return isOurs && (round !== this.round || reference === this.state.reference);
  }

  hear(announced: HeardAnnouncement): void {
    const signed = testimonyIn(this.#parts.book, announced);
    this.dispatch({ type: "announced", ...announced, signed });
  }

  met(peer: PeerId, event: "greeted" | "left" | "disconnected"): void {
    this.dispatch({ type: "presence", peer, isThere: event === "greeted" });
  }

  observe(evidence: readonly Evidence[]): void {
    takeEvidence(this.#parts, evidence);
  }

  /** Feeds one event to the protocol and performs what follows from it. */
  dispatch(event: Untimed<AgreedEvent>): void {
    if (this.#loop.signal.aborted) return;
    const now = this.#parts.clock.now();
    const [agreed, effects] = stepAgreed(this.#agreed, { ...event, now } as AgreedEvent);
    noteSilence(this.#parts.log, this.#agreed, agreed);
    this.#agreed = agreed;
    const seen = effects.filter((effect) => effect.type === "observe");
    if (seen.length > 0) this.observe(seen.map((effect) => ({ ...effect, at: now })));
    for (const effect of effects) this.#perform(effect);
    this.state.enter(phaseOf(this.#agreed), this.round, now);
  }

  // --- internal ---

  get #roster(): readonly PeerId[] {
    return this.#agreed.head.members.peers;
  }

  #perform(effect: AgreedEffect): void {
    const { type } = effect;
    const spawn = (work: () => Promise<void>) => this.#loop.spawn(work);
    if (type === "train") spawn(() => this.#train(effect.round));
    else if (type === "train-on") spawn(() => this.#trainOn(effect.round));
    else if (type === "announce") spawn(() => this.#announce(effect));
    else if (type === "open") this.#parts.network.open(effect.payload);
    else if (type === "start-timer") this.#startTimer(effect);
    else if (type === "send") spawn(() => this.#send(effect.statement));
    else if (type === "propose") spawn(() => this.#propose(effect));
    else if (type === "keep") this.#rooms.statements.keepFor(effect.kept);
    else if (type === "fetch") spawn(() => this.#fetch(effect));
    else if (type === "judge") spawn(() => this.#judge(effect));
    else if (type === "compute") this.#compute(effect);
    else if (type === "exchange") spawn(() => this.#exchange(effect));
    else if (type === "catch-up") spawn(() => this.#catchUp(effect));
    else if (type === "conclude") spawn(() => this.#conclude(effect.links));
    else if (type === "finish") spawn(() => this.#finish());
  }

  #startTimer({ timer, round, at }: Asked<"start-timer">): void {
    const delay = at - this.#parts.clock.now();
    this.#loop.startTimer(timer, delay, () => this.dispatch({ type: "timer", timer, round }));
  }

  async #train(round: number): Promise<void> {
    const made = await this.#rooms.training.train(this.#agreed.head);
    const { payload = "", bytes: payloadBytes = 0 } = made ?? {};
    this.dispatch({ type: "trained", round, payload, payloadBytes });
  }

  async #trainOn(round: number): Promise<void> {
    await this.#rooms.training.trainOn(round);
    this.dispatch({ type: "trained-on", round });
  }

  #announce({ round, payload }: Asked<"announce">): Promise<void> {
    return this.#rooms.training.announce(round, payload);
  }

  /** Signs, keeps on disk, sends, and only then counts it. */
  async #send(statement: Statement): Promise<void> {
    const { network } = this.#parts;
    const signed = await network.sign(statement);
    if (this.#loop.signal.aborted) return;
    this.#rooms.statements.keep(statement.height, signed.bytes);
    await network.publish(signed);
    this.dispatch({ type: "statement", signed });
  }

  async #propose({ round, view, fresh, confirmed }: Asked<"propose">): Promise<void> {
    const { name } = this.#agreed.height.simplex;
    const block = fresh === null ? confirmed?.block : blockDigest(fresh);
    if (block === undefined || round !== this.round) return;
    const confirms = confirmed?.view ?? null;
    await this.#send({ ...name, kind: "proposal", view, block, body: fresh, confirms });
  }

  async #fetch({ payload: wanted, holders, round }: Asked<"fetch">): Promise<void> {
    const reason = await this.#rooms.pool.fetch(wanted, holders);
    if (round !== this.round) return;
    const { payload } = wanted;
    if (reason === null) this.dispatch({ type: "fetched", payload });
    else this.dispatch({ type: "fetch-failed", payload, reason });
  }

  async #judge({ round, payloads }: Asked<"judge">): Promise<void> {
    const opinions = await this.#rooms.mixing.judge(
      payloads,
      this.#agreed.head,
      this.#rooms.training.point.theta,
    );
    this.dispatch({ type: "judged", round, opinions });
  }

  #compute({ round, cut, shares, rollback }: Asked<"compute">): void {
    const { mixing, rollbacks, training, succession } = this.#rooms;
    const at = { head: this.#agreed.head, point: training.point };
    const mixed =
      rollback === null
        ? mixing.mix(cut, shares, at.head, at.point)
        : rollbacks.mix(rollback, cut, at);
    // who says that an unsound update is sound has lied: this node has nothing to compare
    if (mixed === null) return;
    succession.note(mixed);
    this.dispatch({ type: "computed", round, outcome: { ...mixed, rollback } });
  }

  /** With those that are asked, or with each connected member in turn. */
  async #exchange({ asked }: Asked<"exchange">): Promise<void> {
    for (const peer of asked) this.#loop.spawn(() => this.#ask(peer));
    if (asked.length > 0) return;
    this.#rooms.changes.tell(this);
    const { network } = this.#parts;
    const members = network.peers().filter(({ peer }) => this.#roster.includes(peer));
    const { peer } = members[this.#exchanges % Math.max(1, members.length)] ?? {};
    this.#exchanges += 1;
    if (peer !== undefined) await network.exchangeAgreement(peer);
  }

  async #ask(peer: PeerId): Promise<void> {
    const { head } = this.#agreed;
    const hasTold = await hasToldAll(this.#parts.network, peer, head, this.#loop.signal);
    if (hasTold) this.dispatch({ type: "answered", peer, round: head.height });
  }

  async #catchUp({ round, ...question }: Asked<"catch-up">): Promise<void> {
    const links = await this.#rooms.asking.once(this.#agreed.head, question);
    if (links.length > 0 && this.round === round) this.dispatch({ type: "chained", links });
  }

  /** Keeps final blocks, then the state that they lead to, then goes on from it. */
  async #conclude(asked: readonly Link[]): Promise<void> {
    const { chain, statements, training, succession, rollbacks, asking } = this.#rooms;
    const { head, height } = this.#agreed;
    const { votingAt, simplex } = height;
    const certificateMs = votingAt && Math.round(this.#parts.clock.now() - votingAt);
    let links = asked;
    training.serveEnded(asked);
    while (!this.#loop.signal.aborted) {
      chain.append(head, links);
      const point = await succession.after(head, links, training.point);
      const [first] = links;
      const last = links.at(-1);
      if (first === undefined || last === undefined) return;
      if (point !== null) {
        await training.end();
        statements.conclude(last.certificate);
        rollbacks.keep(head, links, training.point);
        training.settle(head, first.block, point);
        await this.#noteRound(links, certificateMs);
        this.dispatch({ type: "concluded", round: head.height, links });
        this.#rooms.changes.tell(this);
        this.#hearAgain();
        return;
      }
      // the others may be past the state that these lead to, and keep the newest only
      await this.#loop.pause(PAUSE_MS);
      const end = { height: last.block.height + 1, parent: last.digest };
      links = [...links, ...(await asking.anyone(end, simplex.quorum.faulty + 1))];
    }
  }

  /** The round that the last of these blocks ended. */
  async #noteRound(links: readonly Link[], certificateMs: number | null): Promise<void> {
    const { training, keeping } = this.#rooms;
    const { network, run } = this.#parts;
    this.state.heldOutLoss = await training.heldOutLoss();
    const facts = { run, self: network.peerId, certificateMs };
    Object.assign(this.state.round, roundFacts(this.#agreed.head, links, facts));
    const next = this.#agreed.head.height + links.length;
    for (const peer of passTime(this.#parts, next, this.#roster)) applyStanding(this.#parts, peer);
    keeping.commit(next - 1);
  }

  /** Announcements for the open height that came before this node knew the state that they start from. */
  #hearAgain(): void {
    const { book } = this.#parts;
    for (const peer of this.#roster) {
      const announcement = book.of(peer, this.round)?.announcement;
      if (announcement === undefined || announcement.reference !== this.state.reference) continue;
      const { round, reference, payload, payloadBytes } = announcement;
      this.hear({ peer, round, reference, payload, payloadBytes });
    }
  }

  async #finish(): Promise<void> {
    await this.#rooms.keeping.finish();
    this.#loop.finish();
  }
}
