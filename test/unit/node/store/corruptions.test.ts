import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { type FileKind, makeKeptFolder } from "../../../../scripts/corruptions/kept-folder.ts";
import { OPEN_ROUND, RUN } from "../../../../scripts/corruptions/kept-run.ts";
import { readFolder } from "../../../../scripts/corruptions/reading.ts";
import { tryDamages } from "../../../../scripts/corruptions/trials.ts";
import { openSealed, sealedJson } from "../../../../src/node/store/sealed-json.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { sampleRound } from "../node-samples.ts";

const TRIALS = 20;
const SEED = 5;

async function keptFolder(): Promise<{
  folder: string;
  stopped: string;
  kinds: readonly FileKind[];
}> {
  const folder = temporaryFolder();
  const kinds = await makeKeptFolder(folder);
  return { folder, stopped: join(folder, "stopped"), kinds };
}

/** Changes what a table of the ledger holds, and not that it is one. */
function rewrite(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, "ledger.sqlite"));
  database.exec(sql);
  database.close();
}

test("whatever file of a data folder is damaged, however: it is told, and nothing is read that was not kept", async () => {
  const { folder, kinds } = await keptFolder();
  expect(kinds.length).toBeGreaterThan(20);

  for (const kind of kinds) {
    const trials = await tryDamages(folder, kind, { trials: TRIALS, seed: SEED });
    const faults = trials.filter(({ outcome }) => ["silent", "wrong", "crash"].includes(outcome));
    expect(faults, kind.name).toEqual([]);
  }
}, 120_000);

test("a value that is another in a sound database would be believed without its sum (control)", async () => {
  const { stopped } = await keptFolder();
  rewrite(stopped, "UPDATE said SET bytes = x'00', sum = NULL WHERE id = 3");
  const believed = await readFolder(stopped);
  rewrite(stopped, "UPDATE said SET bytes = x'0000', sum = x'00' WHERE id = 3");
  const told = await readFolder(stopped);

  const said = ({ values }: typeof told) =>
    [...values.keys()].filter((name) => name.startsWith("said "));
  expect(said(believed)).toHaveLength(24);
  expect(said(told)).toHaveLength(23);
  expect([believed.said.length, told.said.length]).toEqual([0, 1]);
});

test("a ledger that is damaged in one place is begun anew with the rest of it", async () => {
  const { stopped, kinds } = await keptFolder();
  const path = join(stopped, "ledger.sqlite");
  const [page] = kinds.find(({ name }) => name === "ledger: evidence")?.regions ?? [];
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(255, page?.from, (page?.from ?? 0) + 8));

  const { said, values } = await readFolder(stopped);
  const of = (name: string) =>
    [...values.keys()].filter(
      (each) => each.startsWith(`${name} {`) || each.startsWith(`${name} "`),
    );

  expect(said).toEqual([
    expect.stringMatching(/damaged .*put aside as .* begun anew with what could be read of it/),
  ]);
  expect([of("round"), of("said"), of("block")].map(({ length }) => length)).toEqual([40, 24, 40]);
});

test("a block that is damaged takes the place of nothing once it has come again from others", async () => {
  const { stopped } = await keptFolder();
  rewrite(stopped, "UPDATE chain SET block = x'00' WHERE height = 7");
  const store = openStore(stopped);
  onTestFinished(() => store.close());
  const heights = () => store.chain(RUN, 5, 4).map(({ height }) => height);
  expect(heights()).toEqual([5, 6, 8]);

  const block = { height: 7, block: Uint8Array.of(1), certificate: Uint8Array.of(2) };
  store.appendChain(RUN, [block]);

  expect(heights()).toEqual([5, 6, 7, 8]);
  expect(store.chain(RUN, 7, 1)).toEqual([block]);
});

test("rounds that a checkpoint is of, and the ledger lacks, are told", async () => {
  const { stopped } = await keptFolder();
  const lacking = async () => (await readFolder(stopped)).said.join();
  expect(await lacking()).toBe("");
  rewrite(stopped, `DELETE FROM rounds WHERE round = ${OPEN_ROUND - 1}`);
  expect(await lacking()).toMatch(/ledger.sqlite lacks the newest rounds/);
  truncateSync(join(stopped, "ledger.sqlite"));
  expect(await lacking()).toMatch(/ledger.sqlite lacks the newest rounds/);
});

test("a ledger of an earlier version, without sums, is read, and gets them for what comes", async () => {
  const { stopped } = await keptFolder();
  for (const table of ["rounds", "evidence", "said", "chain", "results"]) {
    rewrite(stopped, `ALTER TABLE ${table} DROP COLUMN sum`);
  }

  const store = openStore(stopped);
  onTestFinished(() => store.close());
  const kept = store.loadCheckpoint(RUN)?.checkpoint;
  if (kept === undefined) throw new Error("there is a checkpoint");
  store.commitRound({ ...kept, round: OPEN_ROUND + 1 }, sampleRound(OPEN_ROUND));

  expect(store.rounds(RUN, 100)).toHaveLength(OPEN_ROUND + 1);
  rewrite(
    stopped,
    `UPDATE rounds SET record = replace(record, '1', '2') WHERE round >= ${OPEN_ROUND}`,
  );
  expect(store.rounds(RUN, 100)).toHaveLength(OPEN_ROUND);
});

test("a line of JSON that is another, and JSON still, is noticed; one without a digest is believed", () => {
  const text = sealedJson({ port: 7118, names: ["a", "b"] });
  expect(openSealed(text)).toEqual({ port: 7118, names: ["a", "b"] });
  expect(JSON.parse(text)).toMatchObject({ port: 7118, names: ["a", "b"] });
  expect(openSealed(text.replace("7118", "7119"))).toBeUndefined();
  expect(openSealed(text.replace("sha256", "sha357"))).toBeUndefined();
  expect(openSealed(text.replace(/[0-9a-f]{64}/, "beef"))).toBeUndefined();
  expect(openSealed('{"port":7118}')).toEqual({ port: 7118 });
  for (const broken of ["", "null", "7", "{", "[]\n", "\n\n"]) {
    expect(() => openSealed(broken)).not.toThrow();
  }
});
