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

  const down = await runCli(["testnet", "down"], scratch.folder);
  expect(down.code, down.stderr).toBe(0);
  expect(await nobodyAnswers(urls)()).toBe(true);
  await until(() => !isAlive(state.pid), "the keeper is gone");
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
