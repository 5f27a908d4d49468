import type {
  Block,
  BlockBallot,
  Opinion,
  QuorumCertificate,
  SignedStatement,
  Statement,
} from "../../../src/consensus/index.ts";
import type { Random } from "../../../src/random.ts";

import { isStatement } from "./member.ts";

export const AGREED_ATTACKS = [
  ...["none", "silent", "twins", "stall", "lies", "equivocate"],
  ...["announce-apart", "propose-apart", "last-moment", "withhold"],
] as const;
/**
 * What dishonest members do. `silent`: nothing. `twins`: two copies of a key, each of which others hear by chance.
 * `stall`: never propose, and hold votes back. `lies`: ballots that deny what is held. `equivocate`: tell each member
 * something else, vote for everything, finalize and nullify. `announce-apart`: announce another update to each, as late
 * as it likes. `propose-apart`: propose blocks of other ballots to each, and vote as in `equivocate`. `last-moment`:
 * propose when the time of the view is nearly over. `withhold`: serve an update to one member and nobody else.
 */
export type AgreedAttack = (typeof AGREED_ATTACKS)[number];

/** What a dishonest member can go by. */
export interface Means {
  readonly random: Random;
  readonly heard: readonly (SignedStatement | QuorumCertificate)[];
  /** A sound block of these ballots, with its digest. */
  readonly seal: (ballots: readonly BlockBallot[]) => {
    readonly block: string;
    readonly body: Block;
  };
  /** Ballots that make a block. */
  readonly quorum: number;
}

/** What a member of this kind tells one of the others instead of a statement; null for nothing. */
export function distorted(
  attack: AgreedAttack,
  signed: SignedStatement,
  means: Means,
): SignedStatement | null {
  const { statement } = signed;
  const { random, heard } = means;
  switch (attack) {
    case "silent":
      return null;
    case "stall":
      return statement.kind === "proposal" || random() < 0.5 ? null : signed;
    case "lies":
      return statement.kind === "ballot" ? withStatement(signed, lying(statement, random)) : signed;
    case "propose-apart":
      if (statement.kind === "list" || statement.kind === "ballot") return signed;
      if (statement.kind === "proposal") return withStatement(signed, elsewise(statement, means));
      return withStatement(signed, doubleTongued(statement, random, heard));
    case "equivocate":
      return withStatement(signed, doubleTongued(statement, random, heard));
    default:
      return signed;
  }
}

// --- internal ---

function withStatement(signed: SignedStatement, statement: Statement): SignedStatement {
  return { ...signed, statement };
}

function lying<S extends Extract<Statement, { kind: "ballot" }>>(ballot: S, random: Random): S {
  const opinions = ballot.opinions.map((opinion): Opinion => {
    if (opinion === "absent") return opinion;
    return random() < 0.5 ? "absent" : "harmful";
  });
  const held = ballot.held.filter(({ place }) => opinions[place] !== "absent");
  return { ...ballot, opinions, held };
}

/** A proposal of fewer ballots, where they still make a block. */
function elsewise<S extends Extract<Statement, { kind: "proposal" }>>(
  proposal: S,
  { random, seal, quorum }: Means,
): S {
  const ballots = proposal.body?.ballots ?? [];
  if (ballots.length <= quorum || random() < 0.4) return proposal;
  return { ...proposal, ...seal(ballots.toSpliced(Math.floor(random() * ballots.length), 1)) };
}

/** Another list, ballot or vote for each who asks. */
function doubleTongued(
  statement: Statement,
  random: Random,
  heard: readonly (SignedStatement | QuorumCertificate)[],
): Statement {
  switch (statement.kind) {
    case "list":
      return { ...statement, held: statement.held.filter(() => random() < 0.7) };
    case "ballot":
      return lying(statement, random);
    case "proposal":
      return statement;
    default: {
      const blocks = heard.flatMap((each) =>
        isStatement(each) && each.statement.kind === "proposal" ? [each.statement.block] : [],
      );
      const block = blocks[Math.floor(random() * blocks.length)] ?? null;
      if (block === null || random() < 0.3) return { ...statement, kind: "nullify", block: null };
      return { ...statement, kind: random() < 0.5 ? "notarize" : "finalize", block };
    }
  }
}
