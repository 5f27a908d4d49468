import { readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { befall } from "../../../../testnet/processes/chaos.ts";
import type { Member } from "../../../../testnet/processes/fleet.ts";
import { Ground } from "../../../../testnet/processes/ground.ts";
import { dataFolder } from "../../../../testnet/processes/peer-config.ts";
import { type Incident, Troubles } from "../../../../testnet/processes/troubles.ts";
import type { Fault } from "../../../../testnet/scenario/faults.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { idleMembers } from "../idle-members.ts";

/** Without networks and disks. */
const ground = () => new Ground({ faults: [] }, { peers: [] } as never);

function troublesOf(members: readonly Member[], faults: readonly Fault[]) {
  const incidents: Incident[] = [];
  const troubles = new Troubles(members, faults, ground(), (one) => incidents.push(one));
  onTestFinished(() => troubles.end());
  return { troubles, incidents };
}

const until = async (holds: () => boolean) => {
  while (!holds()) await delay(10);
};

/** `T` of a process that is stopped. */
const stateOf = (member: Member) =>
  /\) (\w) /.exec(readFileSync(`/proc/${member.process.pid}/stat`, "utf8"))?.[1];

test("a fault strikes in its round and not before, and one that never came is due", async () => {
  const { members, goTo } = idleMembers(2);
  for (const { process } of members) process.start();
  const { troubles, incidents } = troublesOf(members, [
    { do: "kill", peer: 2, round: 3 },
    { do: "kill", peer: 1, round: 9 },
  ]);
  goTo(1);
  troubles.strike();
  expect(incidents).toEqual([]);

  goTo(2);
  troubles.strike();
  expect(incidents).toEqual([{ peer: 2, round: 2, what: "killed with SIGKILL for good" }]);
  await until(() => members[1]?.process.exit !== null);
  expect(members[1]).toMatchObject({ mayBeDown: true, kills: 1 });
  expect(members[1]?.process.exit?.signal).toBe("SIGKILL");
  expect(members[0]?.process.isRunning).toBe(true);
  expect(troubles.due).toMatchObject([{ peer: 1, round: 9 }]);
});

test("who is killed for a while is started again, who restarts at once, and who joins for the first time", async () => {
  const { members } = idleMembers(3);
  for (const { process } of members.slice(0, 2)) process.start();
  const before = members.map(({ process }) => process.pid);
  const { troubles } = troublesOf(members, [
    { do: "kill", peer: 1, second: 0, seconds: 0.05 },
    { do: "restart", peer: 2, second: 0 },
    { do: "join", peer: 3, second: 0 },
  ]);
  troubles.strike();
  expect(troubles.areUnderWay).toBe(true);
  await until(() => !troubles.areUnderWay);
  for (const [index, member] of members.entries()) {
    expect(member.process.isRunning).toBe(true);
    expect(member.process.pid).not.toBe(before[index]);
    expect(member.mayBeDown).toBe(false);
  }
});

test.skipIf(process.platform !== "linux")(
  "a pause stops the process, and the end of all lets it go (Linux)",
  async () => {
    const { members } = idleMembers(1);
    const [member] = members as [Member];
    member.process.start();
    const { troubles } = troublesOf(members, [{ do: "pause", peer: 1, second: 0, seconds: 3600 }]);
    troubles.strike();
    expect(member.process.isPaused).toBe(true);
    await until(() => stateOf(member) === "T");

    await troubles.end();

    expect(member.process.isPaused).toBe(false);
    await until(() => stateOf(member) !== "T");
    expect(await member.process.stop()).toMatchObject({ signal: "SIGTERM" });
  },
);

test("times in rounds are by how long rounds take", async () => {
  const { members, goTo } = idleMembers(1);
  members[0]?.process.start();
  const { troubles, incidents } = troublesOf(members, [{ do: "kill", peer: 1, round: 3.5 }]);
  for (const round of [0, 1, 2]) {
    goTo(round);
    troubles.strike();
    await delay(300);
  }
  const half = incidents.length;
  troubles.strike();
  expect([half, incidents.length]).toEqual([0, 1]);
});

test("chaos refuses what cannot be done, by the peer", async () => {
  const { members } = idleMembers(1);
  const act = (what: "kill" | "pause" | "resume" | "restart", peer = 1) =>
    befall(members, { do: what, peer });
  await expect(act("kill", 2)).rejects.toThrow("there is no peer 2 among 1");
  await expect(act("kill")).rejects.toThrow("peer 1 is down");
  await expect(act("restart")).resolves.toMatchObject({ peer: 1, what: "started again" });
  await expect(act("resume")).rejects.toThrow("peer 1 is not paused");
  await act("pause");
  await expect(act("pause")).rejects.toThrow("peer 1 is paused");
  await act("resume");
  await act("kill");
  expect(members[0]?.process.exit?.signal).toBe("SIGKILL");
});

const isRoot = process.getuid?.() === 0 && process.platform === "linux";

test.skipIf(!isRoot)(
  "a full disk has no byte left, then room, and what lay on it stays (root on Linux)",
  () => {
    const folder = temporaryFolder();
    const fault = { do: "fill-disk" as const, peer: 1, round: 2, seconds: 1, size: 1_048_576 };
    const made = new Ground({ faults: [fault] }, { peers: [{ folder }] } as never);
    const disk = dataFolder(folder);
    try {
      writeFileSync(join(disk, "kept"), "whole");
      made.fillDisk(0);
      expect(statfsSync(disk).bavail).toBe(0);
      expect(() => writeFileSync(join(disk, "more"), "x".repeat(5000))).toThrow(/ENOSPC/);
      made.emptyDisk(0);
      writeFileSync(join(disk, "more"), "x".repeat(5000));
    } finally {
      made.remove();
    }
    expect(readFileSync(join(disk, "kept"), "utf8")).toBe("whole");
    expect(readFileSync("/proc/mounts", "utf8")).not.toContain(folder);
  },
);
