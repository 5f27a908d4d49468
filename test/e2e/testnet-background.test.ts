import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TestnetState } from "../../testnet/index.ts";
import {
  answers,
  isAlive,
  makeScratch,
  outcomeOf,
  runCli,
  SMALL,
  startCli,
  statusUrls,
  until,
} from "./testnet-cli.ts";

const NETWORK = [...SMALL, "--peers", "2", "--partition", "iid"];
/** Peers that train for as long as a test takes. */
const BUSY = [...NETWORK, "--rounds", "500"];
/** Peers that soon only serve, and leave the cores to the commands. */
const DONE = [...NETWORK, "--rounds", "1"];

let scratch: Awaited<ReturnType<typeof makeScratch>>;
let network = "";
beforeEach(async () => {
  scratch = await makeScratch();
  network = join(scratch.folder, ".klatch-testnet");
});
afterEach(() => scratch.remove());

const nobodyAnswers = (urls: readonly string[]) => async () =>
  !(await Promise.all(urls.map(answers))).some(Boolean);

test("up leaves a network in the background, status shows it, down leaves nothing", async () => {
  const up = await runCli(["testnet", "up", ...DONE, "--json"], scratch.folder);
  expect(up.code, up.stderr).toBe(0);
  const urls = statusUrls(network);
  expect(urls).toHaveLength(2);

  const again = await runCli(["testnet", "up", ...DONE], scratch.folder);
  expect(again.code).toBe(11);
  expect(again.stderr).toContain("a testnet is up in");

  const shown = await runCli(["testnet", "status", "--json"], scratch.folder);
  const state: TestnetState = JSON.parse(shown.stdout);
  expect(state).toMatchObject({ state: "running", peers: [{ exit: null }, { exit: null }] });
  expect(state.peers.map(({ status, id }) => status?.peerId === id)).toEqual([true, true]);

  const page = await runCli(["testnet", "ui", "--json"], scratch.folder);
  expect(JSON.parse(page.stdout)).toEqual({ page: state.page });
  const { url = "" } = state.peers[0] ?? {};
  expect(await (await fetch(String(state.page))).text()).toContain(`href="${url}"`);

  const down = await runCli(["testnet", "down"], scratch.folder);
  expect(down.code, down.stderr).toBe(0);
  expect(await nobodyAnswers(urls)()).toBe(true);
  await until(() => !isAlive(state.pid), "the keeper is gone");
});

test("a peer is killed, started again, paused and resumed by name, and its log is shown", async () => {
  const up = await runCli(["testnet", "up", ...DONE, "--json"], scratch.folder);
  expect(up.code, up.stderr).toBe(0);
  const chaos = (...args: readonly string[]) =>
    runCli(["testnet", "chaos", ...args], scratch.folder);
  const peers = async () => {
    const { stdout } = await runCli(["testnet", "status", "--json"], scratch.folder);
    return (JSON.parse(stdout) as TestnetState).peers;
  };
  const [, before] = statusUrls(network);

  expect((await chaos("kill", "2")).code).toBe(0);
  expect((await chaos("kill", "2")).stderr).toContain("peer 2 is down");
  await until(async () => (await peers())[1]?.exit?.includes("SIGKILL") === true, "it is told");
  expect((await peers())[0]?.exit).toBeNull();
  expect((await chaos("restart", "2")).code).toBe(0);
  await until(() => answers(String(before)), "it answers again");

  expect((await chaos("pause", "1", "--json")).stdout).toBe('{"do":"pause","peer":1}\n');
  await until(async () => (await peers())[0]?.isPaused === true, "it is told");
  expect((await chaos("resume", "1")).code).toBe(0);
  expect((await chaos("pause", "3")).code).toBe(2);

  const log = await runCli(["testnet", "logs", "2", "--lines", "3"], scratch.folder);
  const lines = log.stdout.trim().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines.every((line) => line.startsWith("peer 2 | "))).toBe(true);
  const following = startCli(["testnet", "logs", "--follow"], scratch.folder);
  const followed = outcomeOf(following);
  expect((await chaos("restart", "1")).code).toBe(0);
  const down = await runCli(["testnet", "down"], scratch.folder);
  expect(down.code, down.stderr).toBe(0);
  // it ends with the network, and has heard of its end
  const { code, stdout } = await followed;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^peer 1 \| /m);
});

test("peers stop when the process that keeps them is killed", async () => {
  const up = await runCli(["testnet", "up", ...BUSY, "--json"], scratch.folder);
  const state: TestnetState = JSON.parse(up.stdout);
  const urls = statusUrls(network);

  process.kill(state.pid, "SIGKILL");

  await until(nobodyAnswers(urls), "the peers stop by themselves");
  const down = await runCli(["testnet", "down", "--json"], scratch.folder);
  expect(down.code, down.stderr).toBe(0);
});

test("an interrupted run stops its peers and ends with 130", async () => {
  rmSync(network, { recursive: true, force: true });
  const child = startCli(["testnet", "run", ...BUSY, "--folder", network], scratch.folder);
  const ended = outcomeOf(child);
  await until(() => statusUrls(network).length === 2, "both peers are up");
  const urls = statusUrls(network);

  child.kill("SIGINT");

  expect((await ended).code).toBe(130);
  expect(await nobodyAnswers(urls)()).toBe(true);
});
