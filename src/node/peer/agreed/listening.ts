import type { AgreedEvent, AgreedState, Testimony, Untimed } from "../../../consensus/index.ts";
import { NOTHING_KNOWN, testimonyOf } from "../../../gossip/index.ts";
import type { PeerParts } from "../peer-parts.ts";
import type { HeardAnnouncement } from "../run-driver.ts";
import type { ChainKeeper } from "./chain-keeper.ts";
import { isStatement, type Statements } from "./statements.ts";

/** Heights beyond the open one whose statements are kept. */
const HEIGHTS_AHEAD = 1;

/** What is told of a round, and what hears. */
interface Hearing {
  readonly round: number;
  /** What is known of that round. */
  readonly height: Pick<AgreedState["height"], "arrivals" | "ballots">;
  dispatch(event: Untimed<AgreedEvent>): void;
}

/** Brings what members say about heights to the protocol, and tells others what this node holds. */
export function listenToAgreement(
  { network }: PeerParts,
  driver: Hearing,
  { statements, chain }: { readonly statements: Statements; readonly chain: ChainKeeper },
): void {
  network.onAgreement((message) => {
    const { height } = isStatement(message) ? message.statement : message.certificate;
    const { round } = driver;
    if (height < round) return { verdict: "ignore", reason: "past-round" };
    const isNear = height <= round + HEIGHTS_AHEAD;
    if (isNear) statements.hear(height, message);
    if (isStatement(message)) driver.dispatch({ type: "statement", signed: message });
    else driver.dispatch({ type: "certificate", certificate: message.certificate });
    // what this node cannot use yet it takes when it is told again
    return isNear
      ? { verdict: "accept", value: undefined }
      : { verdict: "ignore", reason: "future-round" };
  });
  network.onKnownOfAgreement(({ height }) => {
    if (height < driver.round) return null;
    if (height > driver.round) return NOTHING_KNOWN;
    const { arrivals, ballots } = driver.height;
    return {
      announced: (place) => arrivals.get(place)?.[0]?.payload,
      ballot: (place) => {
        const signed = ballots.get(place);
        return signed && { ...signed.statement, signature: signed.signature };
      },
    };
  });
  network.onRefused((peer, { reason }) => {
    if (reason === "future-round") driver.dispatch({ type: "behind", peer });
  });
  network.onTellAgreement(() => statements.tell(driver.round));
  network.onTellChain((from, most) => chain.links(from, most).map(({ bytes }) => bytes));
}

/** What the author of an announcement has signed, which the book keeps: the first and the second of a round. */
export function testimonyIn(
  book: PeerParts["book"],
  { peer, round, payload }: HeardAnnouncement,
): Testimony | undefined {
  const known = [book.of(peer, round), book.equivocation(peer)?.second];
  const signed = known.find(
    (each) => each?.announcement.round === round && each.announcement.payload === payload,
  );
  return (signed && testimonyOf(signed)) ?? undefined;
}
