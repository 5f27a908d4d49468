import assert from "node:assert/strict";
import {
  type AgreedConfig,
  type AgreedEffect,
  type Block,
  type BlockBallot,
  type ChainHead,
  cutOf,
  type HeldPayload,
  type Opinion,
  ownPlace,
  quorumOf,
  type SignedStatement,
} from "../../../src/consensus/index.ts";
import type { Random } from "../../../src/random.ts";
import { EVIDENCE_WEIGHTS } from "../../../src/reputation/index.ts";
import type { Digest, Evidence } from "../../../src/types.ts";
import { createRandom } from "../../random.ts";
import { VirtualTime } from "../virtual-time.ts";
import { type AgreedAttack, distorted } from "./adversary.ts";
import { Member, type MemberWorld } from "./member.ts";
import { admit } from "./newcomers.ts";
import { changedBy, makeMembers, namesOf } from "./roster.ts";
import { ScheduleWire } from "./schedule-wire.ts";
import { TIMING } from "./timing.ts";

/** One history of a run in mode `agreed`, as data: the same schedule gives the same history. */
export interface Schedule {
  readonly seed: number;
  readonly members: number;
  readonly rounds: number;
  readonly attack: AgreedAttack;
  /** Members that are dishonest; the last ones. */
  readonly attackers: number;
  /** Share of messages that get lost, until the network heals. */
  readonly lossRate: number;
  readonly delayMs: number;
  /** Times at which a member dies, to come back a while later. */
  readonly restarts: number;
  /** Whether it comes back with an empty disk. */
  readonly losesDisks?: boolean;
  /** Whether the network is cut in two for a while. */
  readonly partition: boolean;
  /** Nodes that members add while the run goes. */
  readonly newcomers?: number;
}

/** What became of a schedule. */
export interface ScheduleResult {
  /** Heights at which two honest members have different final blocks. */
  readonly conflicts: readonly number[];
  /** Honest members that did not get to the end. */
  readonly stalled: number;
  readonly virtualSeconds: number;
  readonly messages: number;
  /** Times at which honest members were accused of what an honest member does not do. */
  readonly accused: number;
  /** Members that blocks put out, dishonest ones if all is well, and nodes that blocks added. */
  readonly evicted: readonly string[];
  readonly added: readonly string[];
  /** Views of the heights that were closed, summed over the first honest member. */
  readonly views: number;
}

const RUN = "0".repeat(64);
const UNTIL_MS = 40 * 60_000;
const TRAIN_MS = 2000;
const PAYLOAD_BYTES = 1000;
/** Restarts come within this time for each round. */
const RESTARTS_MS = 6000;

/** Runs a schedule to its end. */
export function runSchedule(schedule: Schedule): ScheduleResult {
  const world = new ScheduleWorld(schedule);
  return world.run();
}

/** Members that run the pure protocol over a hostile network in virtual time. */
class ScheduleWorld implements MemberWorld {
  readonly #schedule: Schedule;
  readonly #time = new VirtualTime();
  readonly #random: Random;
  readonly #wire: ScheduleWire;
  readonly #members: readonly Member[];
  /** Names that stand for contents: as good as digests, and faster. */
  readonly #names = new Map<string, Digest>();
  #accused = 0;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#random = createRandom(schedule.seed, "schedule");
    this.#wire = new ScheduleWire(schedule, this.#time, this.#random);
    const { members, attackers, attack, rounds, seed, newcomers = 0 } = schedule;
    const [roster, guests] = [namesOf(0, members), namesOf(members, newcomers)];
    const common = {
      ...{ run: RUN, rounds, membersOf: makeMembers(seed), timing: TIMING },
      attackersMin: quorumOf(members).faulty,
      payloadBytes: () => PAYLOAD_BYTES,
    };
    this.#members = [...roster, ...guests].flatMap((self, place) => {
      const config: AgreedConfig = { ...common, self };
      const isLiar = place >= members - attackers && place < members;
      const ids = isLiar && attack === "twins" ? [`${self} a`, `${self} b`] : [self];
      return ids.map(
        (id) => new Member(place, id, { config, members: common.membersOf(roster) }, this),
      );
    });
    this.#wire.members = this.#members;
  }

  now(): number {
    return this.#time.now;
  }

  run(): ScheduleResult {
    for (const member of this.#members) this.#boot(member, this.#random() * 3000);
    for (let i = 0; i < this.#schedule.restarts; i++) this.#planRestart();
    const honest = this.#members.filter((member) => this.#wire.isHonest(member));
    const guests = honest.filter(({ place }) => place >= this.#schedule.members);
    for (const guest of guests) admit(guest, honest, this.#time, 20_000 * this.#random());
    const isDone = () => honest.every(({ state }) => state.phase === "done");
    this.#time.runAtOnce(UNTIL_MS, isDone);
    return this.#result(honest);
  }

  perform(member: Member, effect: AgreedEffect): void {
    const { type } = effect;
    if (type === "train") this.#train(member, effect.round);
    else if (type === "train-on") this.#trainOn(member, effect.round);
    else if (type === "announce") this.#wire.announce(member, effect.round, effect.payload);
    else if (type === "start-timer") this.#startTimer(member, effect);
    else if (type === "send") this.#say(member, effect.statement);
    else if (type === "propose") this.#propose(member, effect);
    else if (type === "keep") member.keep(effect.kept);
    else if (type === "fetch") this.#wire.fetch(member, effect.payload.payload, effect.holders);
    else if (type === "judge") this.#judge(member, effect);
    else if (type === "compute") this.#compute(member, effect);
    else if (type === "exchange") this.#wire.exchange(member, effect);
    else if (type === "catch-up") this.#wire.catchUp(member, effect.round);
    else if (type === "conclude") this.#conclude(member, effect);
    else if (type === "observe") this.#noteAccused(member, effect);
  }

  // --- internal ---

  #train(member: Member, round: number): void {
    this.#wire.inLife(member, TRAIN_MS * (0.5 + this.#random()), () => {
      const payload = `payload ${member.id} ${round}`;
      const made = { place: ownPlace(member.state), payload, bytes: PAYLOAD_BYTES };
      member.disk.payload = { round, payload: made };
      this.#wire.hold(payload, member);
      member.dispatch({ type: "trained", round, payload, payloadBytes: PAYLOAD_BYTES });
    });
  }

  #trainOn(member: Member, round: number): void {
    this.#wire.inLife(member, TRAIN_MS, () => member.dispatch({ type: "trained-on", round }));
  }

  #startTimer(member: Member, { at, timer, round }: Asked<"start-timer">): void {
    this.#wire.inLife(member, at - this.now(), () => {
      member.dispatch({ type: "timer", timer, round });
    });
  }

  #propose(member: Member, { fresh, confirmed, view }: Asked<"propose">): void {
    const { name } = member.state.height.simplex;
    const block = fresh === null ? (confirmed?.block ?? "") : this.#nameOf(JSON.stringify(fresh));
    const confirms = confirmed?.view ?? null;
    const statement = { ...name, kind: "proposal", view, block, body: fresh, confirms } as const;
    const { attack } = this.#schedule;
    const isLate = attack === "last-moment" && !this.#wire.isHonest(member);
    const viewMs = TIMING.viewMs * 2 ** Math.min(view, 10);
    this.#wire.inLife(member, isLate ? viewMs * (0.7 + 0.4 * this.#random()) : 0, () => {
      this.#say(member, statement);
    });
  }

  #judge(member: Member, { round, payloads }: Asked<"judge">): void {
    const opinions = new Map(payloads.map(({ place }) => [place, "neutral" as Opinion]));
    this.#wire.inLife(member, 10, () => member.dispatch({ type: "judged", round, opinions }));
  }

  #compute(member: Member, { round, cut }: Asked<"compute">): void {
    const outcome = { cut, ...this.#outcomeOf(member.state.head, cut) };
    this.#wire.inLife(member, 20, () => member.dispatch({ type: "computed", round, outcome }));
  }

  #conclude(member: Member, { round, links }: Asked<"conclude">): void {
    this.#wire.inLife(member, 5, () => {
      member.conclude(links);
      member.dispatch({ type: "concluded", round, links });
      this.#wire.announcedFor(member);
    });
  }

  /** Signs, keeps, and only then sends. */
  #say(member: Member, statement: SignedStatement["statement"]): void {
    const signature = new TextEncoder().encode(member.id);
    const signed = { author: member.config.self, statement, signature };
    this.#wire.inLife(member, 1, () => {
      member.disk.said.push(signed);
      member.heard.add(signed);
      this.#wire.toOthers(member, (to) => {
        const told = this.#told(member, signed);
        if (told !== null) this.#wire.hear(to, told);
      });
      member.dispatch({ type: "statement", signed });
    });
  }

  #told(member: Member, signed: SignedStatement): SignedStatement | null {
    if (this.#wire.isHonest(member)) return signed;
    const { attack } = this.#schedule;
    const told = distorted(attack, signed, {
      random: this.#random,
      heard: [...member.heard],
      seal: (ballots) => this.#seal(member, signed, ballots),
      quorum: quorumOf(member.state.head.members.peers.length).size,
    });
    if (told?.statement.kind === "proposal") member.heard.add(told);
    return told;
  }

  /** A sound block of some of the ballots of a proposal. */
  #seal(member: Member, { statement }: SignedStatement, ballots: readonly BlockBallot[]) {
    const body = statement.kind === "proposal" ? statement.body : null;
    assert.ok(body !== null, "ballots are those of a block");
    const quorum = quorumOf(member.state.head.members.peers.length);
    const cut = cutOf({ ballots, evidence: body.evidence }, quorum);
    const isHeld = (each: HeldPayload) =>
      ballots.some(({ held }) => held.some(({ payload }) => payload === each.payload));
    const fewer: Block = {
      ...{ ...body, ballots, payloads: body.payloads.filter(isHeld) },
      ...{ cut: cut.map(({ place }) => place), ...this.#outcomeOf(member.state.head, cut) },
    };
    return { block: this.#nameOf(JSON.stringify(fewer)), body: fewer };
  }

  /** A name that stands for the state after a cut. */
  #outcomeOf({ checkpoint, norm }: ChainHead, cut: readonly HeldPayload[]) {
    if (cut.length === 0) return { checkpoint, norm };
    const contents = `${checkpoint} ${cut.map(({ payload }) => payload).join()}`;
    return { checkpoint: this.#nameOf(contents), norm: cut.length };
  }

  /** Of a lie: schedules make honest members late and absent, which is no accusation. */
  #noteAccused(member: Member, { peer, kind }: Pick<Evidence, "peer" | "kind">): void {
    if (["absence", "credit"].includes(EVIDENCE_WEIGHTS[kind].counts)) return;
    const both = [member, ...this.#members.filter(({ config }) => config.self === peer)];
    if (both.length === 2 && both.every((each) => this.#wire.isHonest(each))) this.#accused += 1;
  }

  #result(honest: readonly Member[]): ScheduleResult {
    const conflicts: number[] = [];
    for (let height = 0; height < this.#schedule.rounds; height++) {
      const digests = honest.flatMap((member) => member.digests()[height] ?? []);
      if (new Set(digests).size > 1) conflicts.push(height);
    }
    const views = (honest[0]?.disk.chain ?? []).map(({ certificate }) => certificate.view + 1);
    return {
      conflicts,
      stalled: honest.filter(({ state }) => state.phase !== "done").length,
      virtualSeconds: this.now() / 1000,
      messages: this.#wire.messages,
      accused: this.#accused,
      ...changedBy(honest),
      views: views.reduce((sum, each) => sum + each, 0),
    };
  }

  #boot(member: Member, delay: number): void {
    this.#time.after(delay, () => {
      member.start();
      this.#wire.connect(member);
    });
  }

  #planRestart(): void {
    const member = this.#members[Math.floor(this.#random() * this.#members.length)];
    if (member === undefined) return;
    this.#time.after(this.#random() * RESTARTS_MS * this.#schedule.rounds, () => {
      if (!member.isUp) return;
      member.kill();
      this.#wire.disconnect(member);
      this.#wire.forget(member);
      if (this.#schedule.losesDisks === true) member.loseDisk();
      this.#boot(member, this.#random() * 10_000);
    });
  }

  #nameOf(contents: string): Digest {
    const name = this.#names.get(contents) ?? `name ${this.#names.size}`;
    this.#names.set(contents, name);
    return name;
  }
}

/** An effect of a kind. */
type Asked<Kind extends AgreedEffect["type"]> = Extract<AgreedEffect, { type: Kind }>;
