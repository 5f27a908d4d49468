import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Member } from "../../../testnet/processes/fleet.ts";
import { LOOPBACK } from "../../../testnet/processes/peer-config.ts";
import { PeerProcess } from "../../../testnet/processes/peer-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { status } from "./report/sample-report.ts";

/** Peers whose processes do nothing, in the round that the test says; none is started yet. */
export function idleMembers(count: number): { members: Member[]; goTo(round: number): void } {
  const folder = temporaryFolder();
  const script = join(folder, "idle.mjs");
  writeFileSync(script, "setInterval(() => {}, 1000);");
  const members = Array.from({ length: count }, (_, index): Member => {
    const plan = {
      ...{ index, id: `12D3KooWpeer${index + 1}`, role: "honest" as const, rows: 1 },
      ...{ label: `organisation ${index + 1}`, statusPort: 4001 + index, site: LOOPBACK },
      ...{ folder, dataFile: "", configFile: "", address: "", listen: "" },
    };
    const logFile = join(folder, `${index}.txt`);
    const process = new PeerProcess({ script, args: [], cwd: folder, logFile });
    onTestFinished(() => process.kill().then(() => undefined));
    return { plan, process, status: null, answers: true, kills: 0, mayBeDown: false };
  });
  const goTo = (round: number) => {
    for (const member of members) member.status = status({ peerId: member.plan.id, round });
  };
  goTo(0);
  return { members, goTo };
}
