import type { Member } from "../../../../testnet/processes/fleet.ts";
import { samplePeer } from "../../node/node-samples.ts";
import { idleMembers } from "../idle-members.ts";
import { status } from "../report/sample-report.ts";

/** What would run if it were taken for markup. */
export const HOSTILE = `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

/** Three peers, each connected to the others: one in order, one whose name is hostile, one that is paused. */
export function sampleMembers(): Member[] {
  const { members } = idleMembers(3);
  for (const { process } of members) process.start();
  members[2]?.process.pause();
  return members.map((member, index) => {
    const { plan, process } = member;
    const others = members.filter((other) => other !== member);
    return {
      ...member,
      plan: { ...plan, label: index === 1 ? HOSTILE : plan.label },
      status: status({
        ...{ peerId: plan.id, round: index + 2, state: "running", phase: "train" },
        peers: others.map((other) => samplePeer({ peer: other.plan.id, connected: true })),
      }),
      answers: !process.isPaused,
    };
  });
}
