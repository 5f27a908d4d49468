import { once } from "node:events";
import { expect, test } from "vitest";
import { childrenOf, memoryOf } from "../../../scripts/memory/process-memory.ts";
import { TestProcess } from "../../support/child-process.ts";

const KEEPS = (mebibytes: number) => `
  const kept = Buffer.alloc(${mebibytes} * 2 ** 20, 1);
  console.log("kept", kept.length);
  setInterval(() => kept, 1000);`;

test.runIf(process.platform === "linux")(
  "what a child process takes is read from /proc, what it asked for apart from files",
  async () => {
    const small = new TestProcess("--eval", [KEEPS(1)]);
    const large = new TestProcess("--eval", [KEEPS(101)]);
    await Promise.all([small, large].map((child) => child.line((line) => /^kept/.test(line))));
    const [a, b] = [small, large].map(({ child }) => memoryOf(child.pid ?? 0));
    if (!a || !b) throw new Error("both run");

    expect(childrenOf(process.pid)).toEqual(
      expect.arrayContaining([small.child.pid, large.child.pid]),
    );
    const mebibytes = (n: number) => n / 2 ** 20;
    expect(Math.abs(mebibytes(b.anonymous - a.anonymous) - 100)).toBeLessThan(20);
    expect(Math.abs(mebibytes(b.files - a.files))).toBeLessThan(10);
    // Both have the code of Node in common.
    expect(a.pss).toBeLessThan(a.rss);

    large.kill("SIGKILL");
    await once(large.child, "close");
    expect(memoryOf(large.child.pid ?? 0)).toBeNull();
    expect(childrenOf(process.pid)).not.toContain(large.child.pid);
  },
);
