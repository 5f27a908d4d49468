import type { Announcement } from "../../gossip/index.ts";
import type { Digest } from "../../types.ts";
import type { OwnUpdate } from "../store/contract.ts";
import type { PeerParts } from "./peer-parts.ts";

/** How long an announcement stays valid, ms. */
const ANNOUNCEMENT_LIFETIME_MS = 12 * 3_600_000;

/** Whether this node announced something else for a round before its data folder was lost: it is silent then. */
export function hasSaidOtherwise(
  { network, book, log }: Pick<PeerParts, "network" | "book" | "log">,
  round: number,
  payload: Digest,
): boolean {
  const earlier = book.of(network.peerId, round);
  if (earlier === undefined || earlier.announcement.payload === payload) return false;
  const fields = { round: round + 1 };
  log.warn(fields, "announced otherwise before the data folder was lost: silent this round");
  return true;
}

/** Commits to an own update, which is held for others: from now on it cannot be exchanged for another. */
export async function announceUpdate(
  { network, run, book, log, clock }: PeerParts,
  { round, sequence, examples, payload: bytes }: OwnUpdate,
  how: Pick<Announcement, "mode" | "codec" | "reference" | "payload">,
): Promise<void> {
  const issuedAt = clock.wallClock();
  const { signed, recipients } = await network.announce({
    ...how,
    ...{ run, flags: 0 },
    ...{ round, sequence, payloadBytes: bytes.length, examples },
    ...{ issuedAt, expiresAt: issuedAt + ANNOUNCEMENT_LIFETIME_MS },
  });
  book.judge(signed, round);
  log.debug({ round: round + 1, recipients, bytes: bytes.length }, "announced");
}
