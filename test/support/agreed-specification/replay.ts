import assert from "node:assert/strict";
import type { Block } from "../../../src/consensus/index.ts";
import { ballot, blockOf, certificate, NAME, ROSTER, signed } from "../agreed-node.ts";
import type { History, Moment, Said, SignedSaid, SpecifiedMember } from "./history.ts";
import { RealMember, specified } from "./real-member.ts";

/**
 * Has the real step live through a history of the specification: every event is given to it, and after each the member
 * that it was given to must be what the specification says.
 *
 * @returns the first thing that is otherwise; null when nothing is
 */
export function replay({ moments }: History): string | null {
  const [first, ...rest] = moments;
  assert.ok(first !== undefined, "a history has a beginning");
  const members = first.members.map(({ place, turns }) => new RealMember(place, turns));
  for (const member of members) member.begin(BALLOTS);
  const apart = members.map((member, place) => differenceOf(member, first, place, 0));
  const atFirst = apart.find((each) => each !== null);
  if (atFirst !== undefined) return atFirst;
  for (const [i, moment] of rest.entries()) {
    const { who } = moment.picks as { readonly who: number };
    const member = members[who] as RealMember;
    try {
      happen(member, moment);
    } catch (error) {
      return `${where(moment, i + 1)}: ${(error as Error).message}`;
    }
    const found = differenceOf(member, moment, who, i + 1);
    if (found !== null) return found;
  }
  return null;
}

/** The first thing that is otherwise in some of these histories; null when nothing is. */
export function replayAll(histories: Iterable<History>): string | null {
  for (const history of histories) {
    const found = replay(history);
    if (found !== null) return found;
  }
  return null;
}

// --- internal ---

const BALLOTS = ROSTER.map((author) => ballot(author, []));
/** Ballots that hold nothing make an empty cut, which nobody has to fetch or to mix. */
const EMPTY = { payloads: [], cut: [], norm: 0, checkpoint: "start" };
const BODIES: Readonly<Record<string, Block>> = {
  A: blockOf(BALLOTS.slice(0, 3), EMPTY),
  B: blockOf(BALLOTS.slice(1), EMPTY),
  faulty: blockOf(BALLOTS, { ...EMPTY, cut: [0] }),
};

function happen(member: RealMember, { action, picks }: Moment): void {
  const {
    heard,
    block,
    certificate: learned,
  } = picks as {
    readonly heard: SignedSaid;
    readonly block: string;
    readonly certificate: Said;
  };
  switch (action) {
    case "write":
      member.write((asked) => signedOf({ by: member.place, statement: named(asked, block) }));
      break;
    case "hearVote":
    case "hearProposal":
    case "hearContradiction":
      member.hear({ type: "statement", signed: signedOf(heard) });
      break;
    case "learnCertificate":
      assert.ok(learned.kind !== "propose", "a certificate is of votes");
      member.hear({
        type: "certificate",
        certificate: certificate(learned.kind, learned.view, learned.block || null),
      });
      break;
    case "losePatience":
      member.fire("propose");
      break;
    case "timeOut":
      member.fire("view");
      break;
    case "restart":
      member.restart(BALLOTS);
      break;
    default:
      assert.fail(`nothing is known of ${action}`);
  }
}

/** The specification leaves it open which ballots a proposer holds: it says which block they have made. */
function named(asked: Said, block: string): Said {
  return asked.block === "any" ? { ...asked, block } : asked;
}

function signedOf({ by, statement }: SignedSaid) {
  const { kind, view, block, confirms } = statement;
  const author = ROSTER[by] as string;
  if (kind !== "propose") return signed(author, { ...NAME, kind, view, block: block || null });
  const isFresh = confirms < 0;
  return signed(author, {
    ...{ ...NAME, kind: "proposal", view, block },
    body: isFresh ? (BODIES[block] as Block) : null,
    confirms: isFresh ? null : confirms,
  });
}

function differenceOf(
  member: RealMember,
  moment: Moment,
  place: number,
  at: number,
): string | null {
  const real = member.told();
  const wanted = specified(moment.members[place] as SpecifiedMember);
  for (const name of Object.keys(wanted) as (keyof typeof wanted)[]) {
    if (wanted[name] === real[name]) continue;
    return `${where(moment, at)}: ${name} is "${real[name]}" instead of "${wanted[name]}"`;
  }
  return null;
}

function where({ action, picks }: Moment, at: number): string {
  return `after ${at} events, ${action} ${JSON.stringify(picks)}`;
}
