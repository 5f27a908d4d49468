import { quorumOf, type SignedRosterChange } from "../../../src/consensus/index.ts";
import type { VirtualTime } from "../virtual-time.ts";
import type { Member } from "./member.ts";

/** Members are told again so long after, while no block has made the change. */
const AGAIN_MS = 3000;

/** Adds a node to the members while the run goes, as soon as a block can: they are told of a change that fits. */
export function admit(
  newcomer: Member,
  members: readonly Member[],
  time: VirtualTime,
  delayMs: number,
): void {
  time.after(delayMs, () => {
    const [newest] = members.toSorted((a, b) => b.head.height - a.head.height);
    if (newest === undefined || newest.isMember(newcomer.config.self)) return;
    if (newest.state.phase === "done") return;
    const change = additionOf(newcomer, newest);
    for (const member of members) member.dispatch({ type: "decided", change });
    admit(newcomer, members, time, AGAIN_MS);
  });
}

// --- internal ---

/** Signed by a quorum of the roster that a member has. */
function additionOf(newcomer: Member, { config, head }: Member): SignedRosterChange {
  const { size } = quorumOf(head.members.peers.length);
  const signature = new Uint8Array(64);
  const signatures = Array.from({ length: size }, (_, place) => ({ place, signature }));
  const named = { run: config.run, roster: head.members.digest, peer: newcomer.config.self };
  return { ...named, kind: "add", successor: null, consent: signature, signatures };
}
