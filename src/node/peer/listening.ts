import type { PeerId, Reason } from "../../types.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { RunDriver } from "./run-driver.ts";

/** Brings what the network hears to the round: announcements that are news to the driver, refusals to the metrics. */
export function listen(
  parts: PeerParts,
  driver: RunDriver,
  onRefusal: (reason: Reason) => void,
): void {
  const { network, run, book, neighbourhoods, acquaintances, clock, metrics, log, tell } = parts;
  const neighbours = new Set(neighbourhoods.everyNeighbour);
  const accusedIn = new Map<string, number>();
  /** What an author's own signature proves of it counts once a round. */
  const accuse = (peer: PeerId, kind: Reason) => {
    const { round } = driver;
    if (!(isProven(kind) && neighbours.has(peer))) return;
    if (accusedIn.get(`${kind} ${peer}`) === round) return;
    accusedIn.set(`${kind} ${peer}`, round);
    driver.observe([{ peer, round, kind, at: clock.now(), detail: "by its own signature" }]);
  };
  network.ofRun(run);
  network.onAnnouncement((signed) => {
    if (!driver.isReadable(signed.announcement))
      return { verdict: "ignore", reason: "other-update" };
    const verdict = book.judge(signed, driver.round);
    if (verdict.verdict !== "accept") return verdict;
    const { author: peer, round, reference, payload, payloadBytes } = signed.announcement;
    if (verdict.value.fresh) {
      driver.hear({ peer, round, reference, payload, payloadBytes });
    }
    return { verdict: "accept", value: undefined };
  });
  network.onGreeting((peer, greeting) => {
    if (acquaintances.hear(peer, greeting)) driver.met(peer, "greeted");
  });
  network.onPeer((event, peer) => {
    if (event === "connected") acquaintances.returned(peer);
    if (event === "left") acquaintances.left(peer);
    // whether it is the member's node that has connected, its greeting says
    if (event !== "connected") driver.met(peer, event);
    tell({ type: "peer", peer, change: event });
  });
  network.onRefused((from, { verdict, reason, author }) => {
    if (author !== undefined) accuse(author, reason);
    if (reason === "not-member" && author === undefined) acquaintances.knocked(from);
    onRefusal(reason);
    metrics.refusals.inc({ reason });
    log.debug({ from, verdict, reason }, "announcement refused");
  });
}

// --- internal ---

/** Faults that follow from what an author signed, whoever handed it over. */
function isProven(reason: Reason): reason is "contradiction" | "flood" {
  return reason === "contradiction" || reason === "flood";
}
