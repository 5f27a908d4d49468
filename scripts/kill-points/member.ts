/**
 * One member as a process of its own, for `scripts/kill-points.ts`: runs to the end of its run, or dies at a point of it.
 * Prints a line when it has finished, and stays for the others until it is told to end.
 *
 *   node scripts/kill-points/member.ts MEMBER.json [POINT N]
 */
import { once } from "node:events";
import { dyingAt, type KillPoint } from "./points.ts";
import { openQuickNode, type QuickMember } from "./quick-node.ts";

const [member = "", point = null, nth = "1"] = process.argv.slice(2);
const { node, close } = await openQuickNode(
  JSON.parse(member) as QuickMember,
  dyingAt(point as KillPoint | null, Number(nth)),
);
await node.start();
await node.finished;
process.stdout.write("finished\n");
await once(process, "SIGTERM");
await node.stop();
close();
