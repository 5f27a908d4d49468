import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStore } from "../../../src/node/store/store.ts";
import { TestProcess } from "../../support/child-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { RUN, sampleCheckpoint } from "../../unit/node/node-samples.ts";

const WRITER = join(import.meta.dirname, "../../support/store-writer.ts");
/** Kills of the process that writes, each after another number of rounds. */
const KILLS = [1, 2, 3, 5, 8];

test("a second process is refused with the PID of the first, which goes on", async () => {
  const folder = temporaryFolder();
  const first = new TestProcess(WRITER, [folder, "hold"]);
  await first.line((line) => line.startsWith("open"));

  expect(() => openStore(folder)).toThrow(
    expect.objectContaining({
      code: "locked",
      message: expect.stringContaining(`process ${first.child.pid})`),
    }),
  );
  expect(first.child.exitCode).toBeNull();
});

test("after SIGKILL the next start works, and nothing had to be cleaned", async () => {
  const folder = temporaryFolder();
  const first = new TestProcess(WRITER, [folder, "hold"]);
  await first.line((line) => line.startsWith("open"));
  first.kill("SIGKILL");
  await first.ended();

  expect(existsSync(join(folder, "lock.pid"))).toBe(true);
  const store = openStore(folder);
  expect(() => openStore(folder)).toThrow(expect.objectContaining({ code: "locked" }));
  store.close();
  openStore(folder).close();
});

test("a process that is killed while it writes, again and again, never loses a checkpoint that it told of", async () => {
  const folder = temporaryFolder();
  let safe = 0;
  for (const rounds of KILLS) {
    const writer = new TestProcess(WRITER, [folder]);
    const opened = await writer.line((line) => line.startsWith("open"));
    expect(Number(opened.split(" ")[1])).toBeGreaterThanOrEqual(safe);
    const wanted = safe + rounds;
    await writer.line((line) => Number(line) >= wanted);
    writer.kill("SIGKILL");
    expect((await writer.ended()).signal).toBe("SIGKILL");
    safe = Math.max(...writer.lines.slice(1).map(Number));

    const warnings: string[] = [];
    const store = openStore(folder, { warn: (sentence) => warnings.push(sentence) });
    const loaded = store.loadCheckpoint(RUN);
    const rows = store.rounds(RUN, 1000);
    store.close();

    const round = loaded?.checkpoint.round ?? -1;
    // One more round may have been written than told of.
    expect([safe, safe + 1]).toContain(round);
    expect(loaded).toEqual({ checkpoint: sampleCheckpoint(round), warning: null });
    expect(rows.map((row) => row.round).slice(0, safe)).toEqual(
      Array.from({ length: safe }, (_, index) => index),
    );
    expect(warnings).toEqual([]);
    safe = round;
  }
});
