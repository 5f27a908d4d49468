import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { failureOf, type Member } from "../../../../testnet/processes/fleet.ts";
import { freePorts } from "../../../../testnet/processes/free-ports.ts";
import { PeerProcess } from "../../../../testnet/processes/peer-process.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "klatch-process-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const processOf = (name: string, source: string, args: readonly string[] = []) => {
  const script = join(folder, `${name}.mjs`);
  writeFileSync(script, source);
  return new PeerProcess({ script, args, cwd: folder, logFile: join(folder, `${name}.txt`) });
};

/** Waits until the log of a process has a line. */
const logged = async (peer: PeerProcess, line: string) => {
  while (!peer.logTail(10).includes(line)) await delay(20);
};

const FOREVER = 'console.log("up"); setInterval(() => {}, 1000);';

test("a process logs to its file, gets its arguments, and is stopped by a signal", async () => {
  const peer = processOf("listens", `console.log(process.argv.slice(2).join()); ${FOREVER}`, [
    "a",
    "b",
  ]);

  peer.start();
  await logged(peer, "up");
  expect(peer.exit).toBeNull();
  const exit = await peer.stop();

  expect(exit).toEqual({ code: null, signal: "SIGTERM" });
  expect(peer.logTail(2)).toEqual(["a,b", "up"]);
});

test.skipIf(process.platform === "win32")(
  "a process takes compiled modules from this user's cache, which nobody else can write to",
  async () => {
    vi.stubEnv("NODE_COMPILE_CACHE", undefined).stubEnv("KLATCH_CACHE", join(folder, "cache"));
    const peer = processOf("compiled", "console.log(process.env.NODE_COMPILE_CACHE);");
    const umask = process.umask(0);
    peer.start();
    process.umask(umask);
    vi.unstubAllEnvs();
    while (peer.exit === null) await delay(20);

    const compiled = join(folder, "cache", "compiled");
    expect(peer.logTail(1)).toEqual([compiled]);
    expect(statSync(compiled).mode & 0o777).toBe(0o700);
  },
);

test("a process takes them from where the environment says (control)", async () => {
  vi.stubEnv("NODE_COMPILE_CACHE", join(folder, "named"));
  const peer = processOf("named", "console.log(process.env.NODE_COMPILE_CACHE);");
  peer.start();
  vi.unstubAllEnvs();
  while (peer.exit === null) await delay(20);

  expect(peer.logTail(1)).toEqual([join(folder, "named")]);
});

test.each([
  [undefined, "1"],
  ["4", "4"],
])("of a C library told %s a process has %s stores of freed memory", async (told, has) => {
  vi.stubEnv("MALLOC_ARENA_MAX", told);
  const peer = processOf(`stores-${has}`, "console.log(process.env.MALLOC_ARENA_MAX);");
  peer.start();
  vi.unstubAllEnvs();
  while (peer.exit === null) await delay(20);

  expect(peer.logTail(1)).toEqual([has]);
});

test("a killed process can be started again, and its log goes on", async () => {
  const peer = processOf("again", FOREVER);

  peer.start();
  await logged(peer, "up");
  expect(await peer.kill()).toEqual({ code: null, signal: "SIGKILL" });
  peer.start();
  while (peer.logTail(10).length < 2) await delay(20);
  expect(peer.exit).toBeNull();
  await peer.stop();

  expect(peer.logTail(10)).toEqual(["up", "up"]);
});

test("stopping a process that has ended tells how it ended", async () => {
  const peer = processOf("ends", "process.exitCode = 3;");

  peer.start();
  while (peer.exit === null) await delay(20);

  expect(await peer.stop()).toEqual({ code: 3, signal: null });
});

test("a peer that fails is reported with its code, its last error and its log", async () => {
  const peer = processOf(
    "fails",
    'console.error(\'{"level":"info","msg":"loading"}\\nerror: port 7 in use\\nhint: take another\'); process.exitCode = 5;',
  );
  peer.start();
  while (peer.exit === null) await delay(20);

  const failure = failureOf({ plan: { index: 2 }, process: peer } as Member);

  expect(failure).toMatchObject({
    code: "network",
    message: "peer 3 stopped with exit code 5: port 7 in use",
    hint: expect.stringContaining("fails.txt"),
  });
});

test("settings for another node in the environment do not reach a peer", async () => {
  vi.stubEnv("KLATCH_RUN_ROUNDS", "99");
  const peer = processOf("environment", 'console.log(process.env.KLATCH_RUN_ROUNDS ?? "clean");');

  peer.start();
  while (peer.exit === null) await delay(20);
  vi.unstubAllEnvs();

  expect(peer.logTail(1)).toEqual(["clean"]);
});

test("free ports are distinct, and can be listened on", async () => {
  const ports = await freePorts(40);

  expect(new Set(ports).size).toBe(40);
  for (const port of ports.slice(0, 5)) {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    await new Promise((resolve) => server.close(resolve));
  }
});
