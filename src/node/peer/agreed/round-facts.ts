import {
  type Block,
  type ChainHead,
  decidedAfter,
  evictedBy,
  headAfter,
  type Link,
  type Members,
  membersAfter,
  quorumOf,
  type Rollback,
  sharesOfCut,
} from "../../../consensus/index.ts";
import { encodeBlock, sealCertificate } from "../../../gossip/index.ts";
import type { Digest, PeerId, Reason } from "../../../types.ts";
import type { RoundRecord } from "../../records/records.ts";
import { membersOf } from "./members-of.ts";

/** Whose updates counted and whose did not, by majorities of late, and how it was agreed on. */
type Facts = Required<Pick<RoundRecord, "mixed" | "agreed">> & {
  readonly refused: readonly { readonly peer: PeerId; readonly reason: Reason }[];
};

/** What is noted of a round that the last of these blocks ended, above a head. */
export function roundFacts(
  head: ChainHead,
  links: readonly Link[],
  seen: {
    readonly run: Digest;
    readonly self: PeerId;
    /** From a quorum of ballots to the certificate; null where that was not seen here. */
    readonly certificateMs: number | null;
  },
): Facts | null {
  const { run, self } = seen;
  const last = links.at(-1);
  if (last === undefined) return null;
  const { block, digest, certificate } = last;
  const { levels, members, decided } = headAfter(head, links.slice(0, -1), membersOf(run));
  const roster = members.peers;
  const shares = sharesOfCut(levels, block.cut, quorumOf(roster.length));
  const inCut = block.cut.map((place, i) => ({ peer: roster[place] ?? "", share: shares[i] ?? 0 }));
  const others = inCut.filter(({ peer }) => peer !== self);
  return {
    mixed: others.filter(({ share }) => share > 0),
    refused: others.flatMap(({ peer, share }) =>
      share > 0 ? [] : [{ peer, reason: "gate-veto" }],
    ),
    agreed: {
      block: digest,
      view: certificate.view,
      ballots: block.ballots.length,
      cut: block.cut.length,
      share: inCut.find(({ peer }) => peer === self)?.share ?? 0,
      blockBytes: encodeBlock(block).length,
      certificateBytes: sealCertificate(certificate, roster.length).bytes.length,
      certificateMs: links.length === 1 ? seen.certificateMs : null,
      ...changesOf(
        members,
        block,
        membersAfter({ members, levels }, block, membersOf(run)).members,
      ),
      ...(block.decision?.kind === "set" ? { decided: decidedAfter(decided, block).newest } : {}),
      ...(block.decision?.kind === "rollback" ? { rolledBack: rolledBack(block.decision) } : {}),
    },
  };
}

/** What a rollback did, as it is told: the last round that stayed as it was is counted from 1. */
export function rolledBack({ without, since }: Rollback): {
  readonly without: PeerId;
  readonly to: number;
} {
  return { without, to: since };
}

// --- internal ---

/** Who is a member from the next round on and was none, and the other way round; nothing where nobody is. */
function changesOf(
  before: Members,
  block: Block,
  after: Members,
): Pick<NonNullable<RoundRecord["agreed"]>, "joined" | "left" | "evicted"> {
  if (before === after) return {};
  const evicted = [...evictedBy(block, before)].map((place) => before.peers[place] ?? "");
  const joined = after.peers.filter((peer) => !before.peers.includes(peer));
  const left = before.peers.filter((peer) => !after.peers.includes(peer));
  const told = { joined, left: left.filter((peer) => !evicted.includes(peer)), evicted };
  return Object.fromEntries(Object.entries(told).filter(([, peers]) => peers.length > 0));
}
