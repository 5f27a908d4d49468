import type {
  AgreedEffect,
  QuorumCertificate,
  SignedStatement,
} from "../../../src/consensus/index.ts";
import type { Random } from "../../../src/random.ts";
import type { Digest } from "../../../src/types.ts";
import type { VirtualTime } from "../virtual-time.ts";
import { isStatement, type Member } from "./member.ts";
import { nameOf } from "./roster.ts";
import type { Schedule } from "./schedule.ts";

/** An announcement that is aimed at one member comes within this time. */
const LATEST_MS = 6000;
/** Faults of the network end here. */
export const HEALED_MS = 60_000;

/** The hostile network of a schedule: loses, delays, reorders and cuts, until it heals. */
export class ScheduleWire {
  readonly #schedule: Schedule;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #held = new Map<Digest, Set<string>>();
  readonly #announced = new Map<string, Announced>();
  readonly #cut: Cut | null;
  /** Everybody, in the order of places. */
  members: readonly Member[] = [];
  messages = 0;

  constructor(schedule: Schedule, time: VirtualTime, random: Random) {
    this.#schedule = schedule;
    this.#time = time;
    this.#random = random;
    this.#cut = schedule.partition ? drawCut(schedule, random) : null;
    if (this.#cut !== null) {
      time.after(this.#cut.from, () => this.#part());
      time.after(this.#cut.until, () => {
        for (const member of this.members) if (member.isUp) this.connect(member);
      });
    }
  }

  /** Whoever is up is connected; what was announced is told. */
  connect(member: Member): void {
    for (const other of this.members) {
      if (other === member || !other.isUp || other.place === member.place) continue;
      if (this.#areCut(other, member)) continue;
      other.dispatch({ type: "presence", peer: member.config.self, isThere: true });
      member.dispatch({ type: "presence", peer: other.config.self, isThere: true });
      this.tell(other, member);
      this.tell(member, other);
    }
    this.announcedFor(member);
  }

  /** The process of a member has ended. */
  disconnect(member: Member): void {
    for (const other of this.members) {
      other.dispatch({ type: "presence", peer: member.config.self, isThere: false });
    }
  }

  announce(member: Member, round: number, payload: Digest): void {
    const { self: peer } = member.config;
    const isApart = this.#schedule.attack === "announce-apart" && !this.isHonest(member);
    if (!isApart) {
      const key = `${member.id} ${round}`;
      this.#announced.set(key, { place: member.place, payload, round });
      this.toOthers(member, (to) => {
        to.dispatch({ type: "announced", peer, round, payload, payloadBytes: 1000 });
      });
      return;
    }
    for (const to of this.members) {
      const aimed = `${payload} for ${to.id}`;
      this.hold(aimed, member);
      this.#time.after(this.#random() * LATEST_MS, () => {
        to.dispatch({ type: "announced", peer, round, payload: aimed, payloadBytes: 1000 });
      });
    }
  }

  /** The process of a member has ended: of payloads it has its own only, which are on its disk. */
  forget(member: Member): void {
    for (const [payload, holders] of this.#held) {
      if (!payload.startsWith(`payload ${member.id} `)) holders.delete(member.id);
    }
  }

  /** Announcements of its height that a member could not use before. */
  announcedFor(member: Member): void {
    for (const { place, payload, round } of this.#announced.values()) {
      if (place === member.place) continue;
      const peer = nameOf(place);
      member.dispatch({ type: "announced", peer, round, payload, payloadBytes: 1000 });
    }
  }

  /** To each of the others on a way of its own: late, and at times never. */
  toOthers(member: Member, hand: (to: Member) => void): void {
    for (const to of this.members) {
      if (to.place === member.place) continue;
      // each copy of a key is heard by some, by chance
      if (this.#schedule.attack === "twins" && this.#random() < 0.3) continue;
      if (this.#random() < this.#lossNow()) continue;
      this.messages += 1;
      const delay = this.#random() * this.#schedule.delayMs * (this.#random() < 0.05 ? 20 : 1);
      this.#time.after(1 + delay, () => {
        if (to.isUp && !this.#areCut(member, to)) hand(to);
      });
    }
  }

  exchange(member: Member, { asked, round }: Extract<AgreedEffect, { type: "exchange" }>): void {
    if (asked.length > 0) {
      this.#ask(member, round, asked);
      return;
    }
    const others = this.members.filter(
      (other) => other.place !== member.place && other.isUp && !this.#areCut(member, other),
    );
    const other = others[Math.floor(this.#random() * others.length)];
    if (other === undefined) return;
    this.#time.after(10, () => {
      this.tell(other, member);
      this.tell(member, other);
      this.announcedFor(member);
    });
  }

  catchUp(member: Member, from: number): void {
    for (const other of this.members) {
      if (other === member || !other.isUp || this.#areCut(member, other)) continue;
      const links = other.disk.chain.slice(from);
      if (links.length === 0 || !this.isHonest(other)) continue;
      this.inLife(member, 50, () => member.dispatch({ type: "chained", links }));
      return;
    }
  }

  hold(payload: Digest, member: Member): void {
    const holders = this.#held.get(payload) ?? new Set();
    this.#held.set(payload, holders.add(member.id));
  }

  fetch(member: Member, payload: Digest, holders: readonly string[]): void {
    const ms = 20 + this.#random() * 200;
    this.inLife(member, ms, () => {
      const served = this.members.some(
        (other) =>
          holders.includes(other.config.self) &&
          this.#held.get(payload)?.has(other.id) === true &&
          other.isUp &&
          this.#serves(other, member) &&
          !this.#areCut(member, other),
      );
      if (served) this.hold(payload, member);
      if (served) member.dispatch({ type: "fetched", payload });
      else member.dispatch({ type: "fetch-failed", payload, reason: "unreachable" });
    });
  }

  inLife(member: Member, ms: number, run: () => void): void {
    const { life } = member;
    this.#time.after(ms, () => {
      if (member.isUp && member.life === life) run();
    });
  }

  isHonest({ place }: Member): boolean {
    const { members, attackers } = this.#schedule;
    return place < members - attackers || place >= members;
  }

  // --- internal ---

  /** Each that is in the height too tells what it holds; the dishonest ones say that they hold nothing. */
  #ask(member: Member, round: number, peers: readonly string[]): void {
    for (const other of this.members.filter(({ config }) => peers.includes(config.self))) {
      this.inLife(member, 20, () => {
        if (!other.isUp || this.#areCut(member, other)) return;
        this.tell(other, member);
        const peer = other.config.self;
        if (other.state.head.height === round) member.dispatch({ type: "answered", peer, round });
      });
    }
  }

  hear(member: Member, told: SignedStatement | QuorumCertificate): void {
    if (isStatement(told)) {
      if (told.statement.height >= member.state.head.height) member.heard.add(told);
      member.dispatch({ type: "statement", signed: told });
    } else member.dispatch({ type: "certificate", certificate: told });
  }

  tell(from: Member, to: Member): void {
    if (this.#areCut(from, to)) return;
    for (const told of [...from.heard]) {
      // what a dishonest member says itself goes by gossip, in its own way
      const isOwn = isStatement(told) && told.author === from.config.self;
      if (!isOwn || this.isHonest(from) || this.#schedule.attack === "twins") this.hear(to, told);
    }
  }

  #serves(other: Member, member: Member): boolean {
    if (this.isHonest(other)) return true;
    return this.#schedule.attack === "withhold" ? member.place === 0 : this.#random() < 0.7;
  }

  /** Whoever is on the other side is gone. */
  #part(): void {
    for (const member of this.members) {
      for (const other of this.members) {
        if (!this.#areCut(member, other)) continue;
        member.dispatch({ type: "presence", peer: other.config.self, isThere: false });
      }
    }
  }

  #areCut(a: Member, b: Member): boolean {
    const cut = this.#cut;
    if (cut === null || this.#time.now < cut.from || this.#time.now >= cut.until) return false;
    return a.place < cut.at !== b.place < cut.at;
  }

  #lossNow(): number {
    return this.#time.now < HEALED_MS ? this.#schedule.lossRate : 0;
  }
}

interface Announced {
  readonly place: number;
  readonly payload: Digest;
  readonly round: number;
}

/** From when until when the members before a place do not hear the others. */
interface Cut {
  readonly from: number;
  readonly until: number;
  readonly at: number;
}

/** A cut begins within this time for each round. */
const CUT_MS = 4000;

function drawCut({ members, rounds }: Schedule, random: Random): Cut {
  const from = random() * CUT_MS * rounds;
  const at = 1 + Math.floor(random() * (members - 1));
  return { from, until: from + random() * (HEALED_MS - from), at };
}
