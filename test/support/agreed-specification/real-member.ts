import assert from "node:assert/strict";
import type {
  AgreedEffect,
  QuorumCertificate,
  SignedStatement,
} from "../../../src/consensus/index.ts";
import { type SimplexState, viewOf } from "../../../src/consensus/round/agreed/simplex-state.ts";
import { Node, ROSTER } from "../agreed-node.ts";
import type { Said, SpecifiedMember } from "./history.ts";

type Heard = Parameters<Node["hear"]>[0];

/** The views of the specification; what a proposer does in a later one is not told there. */
const VIEWS = 3;
const LIAR = "d";

/** What can be compared of a member: lines of text, which are easy to read where they differ. */
export interface Told {
  readonly view: string;
  readonly voting: string;
  readonly final: string;
  readonly heard: string;
  readonly said: string;
  readonly asked: string;
  readonly disk: string;
  readonly held: string;
  readonly acted: string;
}

/** A member that lives by the real step: its disk, and what it has decided to say and not written yet. */
export class RealMember {
  readonly place: number;
  readonly #turns: readonly number[];
  #node: Node;
  #asked: Said[] = [];
  readonly #said: SignedStatement[] = [];
  readonly #certificates: QuorumCertificate[] = [];

  constructor(place: number, turns: readonly number[]) {
    this.place = place;
    this.#turns = turns;
    this.#node = this.#born();
  }

  begin(ballots: readonly SignedStatement[]): void {
    this.#node.start(this.#said, this.#certificates);
    this.#perform();
    for (const each of ballots) this.hear({ type: "statement", signed: each });
  }

  /** Dies, and comes back with what is on its disk. */
  restart(ballots: readonly SignedStatement[]): void {
    const { now } = this.#node;
    this.#asked = [];
    this.#node = this.#born();
    this.#node.now = now;
    this.begin(ballots);
  }

  hear(event: Heard): void {
    this.#node.hear(event);
    this.#perform();
  }

  /** What it decided first goes to its disk, and is heard by itself. */
  write(sign: (asked: Said) => SignedStatement): void {
    const asked = this.#asked.shift();
    assert.ok(asked !== undefined, "it has nothing to say");
    const signed = sign(asked);
    this.#keep(signed);
    this.hear({ type: "statement", signed });
  }

  /** Time goes by until a timer fires. */
  fire(timer: "propose" | "view"): void {
    const at = this.#node.state.timers.get(timer);
    assert.ok(at !== undefined, `it waits for no end of "${timer}"`);
    this.#node.now = Math.max(this.#node.now, at);
    this.hear({ type: "timer", timer, round: 0 });
  }

  told(): Told {
    const { simplex } = this.#node.state.height;
    return {
      view: String(simplex.view),
      voting: String(simplex.viewAt !== null),
      final: simplex.final?.block ?? "",
      heard: setOf(heardBy(simplex)),
      said: setOf(saidBy(simplex)),
      asked: this.#asked.map(textOf).join(", "),
      disk: this.#said.map(signedText).join(", "),
      held: this.#certificates.map(certificateText).join(", "),
      acted: setOf(certificatesOf(simplex)),
    };
  }

  // --- internal ---

  #born(): Node {
    return new Node(ROSTER[this.place], this.#turns);
  }

  /** Does at once what must be done at once; the rest waits for its turn in the history. */
  #perform(): void {
    const { asked } = this.#node;
    this.#node.asked = [];
    for (const effect of asked) {
      if (effect.type === "send") this.#asked.push(saidOf(effect.statement));
      else if (effect.type === "propose") this.#propose(effect);
      else if (effect.type === "keep") this.#keep(effect.kept);
      else if (effect.type === "observe") {
        assert.equal(effect.peer, LIAR, `an honest member is accused: ${effect.detail}`);
      }
    }
  }

  #propose({ view, fresh, confirmed }: Extract<AgreedEffect, { type: "propose" }>): void {
    if (view >= VIEWS) return;
    assert.equal(fresh === null, confirmed !== null, "a proposal is fresh or confirms");
    const block = confirmed?.block ?? "any";
    this.#asked.push({ kind: "propose", view, block, confirms: confirmed?.view ?? -1 });
  }

  /** Everything is on disk once. */
  #keep(kept: QuorumCertificate | SignedStatement): void {
    if (!("author" in kept)) {
      const text = certificateText(kept);
      if (!this.#certificates.some((each) => certificateText(each) === text)) {
        this.#certificates.push(kept);
      }
    } else if (!this.#said.some((each) => signedText(each) === signedText(kept))) {
      this.#said.push(kept);
    }
  }
}

/** The same of a member of the specification. */
export function specified(member: SpecifiedMember): Told {
  const { view, voting, final, heard, own, asked, disk, held } = member;
  return {
    view: String(view),
    voting: String(voting),
    final,
    heard: setOf(heard.map(({ by, statement }) => `${by}: ${textOf(statement)}`)),
    said: setOf(own.filter(({ kind }) => kind !== "propose").map(textOf)),
    asked: asked.map(textOf).join(", "),
    disk: disk.map(({ by, statement }) => `${by}: ${textOf(statement)}`).join(", "),
    held: held.map(textOf).join(", "),
    acted: setOf(held.map(textOf)),
  };
}

// --- internal ---

function setOf(texts: readonly string[]): string {
  return [...new Set(texts)].sort().join(", ");
}

function textOf({ kind, view, block, confirms }: Said): string {
  return `${kind} ${view} ${block}${confirms < 0 ? "" : ` of view ${confirms}`}`;
}

/** A statement in the words of the specification. */
function saidOf(statement: SignedStatement["statement"]): Said {
  assert.ok(statement.kind !== "list" && statement.kind !== "ballot", "nothing else is said");
  const { view, block } = statement;
  if (statement.kind === "proposal") {
    return { kind: "propose", view, block: block ?? "", confirms: statement.confirms ?? -1 };
  }
  return { kind: statement.kind, view, block: block ?? "", confirms: -1 };
}

function signedText({ author, statement }: SignedStatement): string {
  return `${ROSTER.indexOf(author)}: ${textOf(saidOf(statement))}`;
}

function certificateText({ vote, view, block }: QuorumCertificate): string {
  return textOf({ kind: vote, view, block: block ?? "", confirms: -1 });
}

/** What counts of what it heard. */
function heardBy(simplex: SimplexState): readonly string[] {
  return [...simplex.views.keys()].flatMap((view) => {
    const { proposal, notarize, nullify, finalize } = viewOf(simplex, view);
    const by = (place: number, kind: Said["kind"], block: string, confirms: number | null = null) =>
      `${place}: ${textOf({ kind, view, block, confirms: confirms ?? -1 })}`;
    const proposer = simplex.turns[view % simplex.turns.length] as number;
    return [
      ...(proposal === null ? [] : [by(proposer, "propose", proposal.block, proposal.confirms)]),
      ...[...notarize].map(([place, { block }]) => by(place, "notarize", block)),
      ...[...nullify.keys()].map((place) => by(place, "nullify", "")),
      ...[...finalize].map(([place, { block }]) => by(place, "finalize", block)),
    ];
  });
}

function saidBy(simplex: SimplexState): readonly string[] {
  return [...simplex.views.keys()].flatMap((view) => {
    const { notarized, nullified, finalized } = viewOf(simplex, view).own;
    return [
      ...(notarized === null ? [] : [`notarize ${view} ${notarized}`]),
      ...(nullified ? [`nullify ${view} `] : []),
      ...(finalized === null ? [] : [`finalize ${view} ${finalized}`]),
    ];
  });
}

function certificatesOf({ views, final }: SimplexState): readonly string[] {
  const known = [...views.values()].flatMap(({ notarisation, nullification }) => [
    notarisation,
    nullification,
  ]);
  return [...known, final].flatMap((each) => (each === null ? [] : [certificateText(each)]));
}
