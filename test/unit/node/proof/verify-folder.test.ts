import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOfState } from "../../../../src/node/peer/manifest.ts";
import {
  encodeProof,
  PROOF_BYTES_MAX,
  type Proof,
  proofOf,
  readProof,
  writeProof,
} from "../../../../src/node/proof/proof-file.ts";
import { type Verification, verifyFolder } from "../../../../src/node/proof/verify-folder.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import { CertifiedRun } from "../../../support/certified-run.ts";
import { runCommand, runJson } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { sampleCheckpoint, sampleRound, sampleStatus } from "../node-samples.ts";

const NOBODY = { run: null, head: null };

/** An adapter with its proof, as an auditor gets it. */
async function exported(run: CertifiedRun, proof: Proof = run.proof): Promise<string> {
  const folder = await run.exportTo(temporaryFolder());
  writeProof(folder, proof);
  return folder;
}

/** What a node of the run left behind. */
function dataFolder(made: CertifiedRun, mode: "agreed" | "gossip" = "agreed"): string {
  const { run, terms, chain } = made;
  const folder = temporaryFolder();
  const store = openStore(folder);
  store.appendChain(
    run,
    chain.map((entry, height) => ({ height, ...entry })),
  );
  for (const [height] of chain.entries()) {
    const velocity = made.velocity(height + 1);
    const checkpoint = {
      ...sampleCheckpoint(height + 1, run),
      adapter: made.state(height + 1),
      memory: velocity === null ? {} : { velocity },
    };
    store.commitRound(checkpoint, sampleRound(height));
  }
  const settings = { model: "/m", run: { name: "sample" }, data: { train: [] } };
  const status = sampleStatus({ run, mode });
  store.saveRun(run, { savedAt: 1e15, classes: null, settings, terms, status });
  store.close();
  return folder;
}

function change(folder: string, name: string, edit: (text: string) => string): void {
  const file = join(folder, name);
  writeFileSync(file, edit(readFileSync(file, "utf8")));
}

describe("an exported adapter", () => {
  test("is valid with its proof: members, rounds, shares and the digest of the adapter", async () => {
    const run = await CertifiedRun.of(4, 3);
    const folder = await exported(run);

    const result = await runJson<Verification>(["verify", folder]);

    expect(result).toMatchObject({ valid: true, run: run.run, rounds: 3, problems: [] });
    expect(result).toMatchObject({ members: run.council.roster, head: run.heads[2] });
    expect(result.contributors).toEqual(
      run.council.roster.map((peer) => ({
        ...{ peer, rounds: 3, share: 0.25 },
        ...{ helpful: 9, neutral: 0, harmful: 0 },
      })),
    );
    expect(result.digest).toBe(digestOfState(run.state(3)));
    // nobody said which past it should be
    expect(String(result.notes)).toContain("--head");
  });

  test("of a run without momentum has a checkpoint of the state alone", async () => {
    const run = await CertifiedRun.of(4, 2, {}, 0);

    expect(run.proof.velocity).toBeNull();
    expect((await verifyFolder(await exported(run), NOBODY)).problems).toEqual([]);
    expect((await verifyFolder(dataFolder(run), NOBODY)).problems).toEqual([]);
    // a velocity that the run does not have changes nothing
    const forged = await exported(run, { ...run.proof, velocity: "c".repeat(64) });
    expect((await verifyFolder(forged, NOBODY)).valid).toBe(true);
  });

  test("fits the head that a member told, of this round or an earlier one, and no other", async () => {
    const run = await CertifiedRun.of(4, 3);
    const folder = await exported(run);
    const verify = (head: string) => verifyFolder(folder, { run: null, head });

    expect(await verify(run.heads[2] ?? "")).toMatchObject({ valid: true, notes: [] });
    expect((await verify(run.heads[0] ?? "")).notes).toEqual([
      "the head that was given is of round 1",
    ]);
    expect((await verify("c".repeat(64))).problems.join()).toContain("another past");
  });

  test.each<[string, string, (text: string) => string, RegExp]>([
    ["another alpha", "adapter_config.json", swap('"lora_alpha": 4', '"lora_alpha": 40'), /alpha/],
    ["another layer's rank", "adapter_config.json", swap('"r": 2', '"r": 3'), /rank/],
    ["another round", "klatch.json", swap('"round": 3', '"round": 2'), /another round than/],
    ["another base", "klatch.json", swap('"baseModelDigest": "a', '"baseModelDigest": "b'), /base/],
    ["no names", "klatch.json", () => "{}", /klatch.json is missing or damaged/],
    ["classes", "klatch.json", swap('"round": 3', '"classes": ["x", "y"], "round": 3'), /classes/],
    ["other members", "klatch.proof.json", swap('"members":["12', '"members":["13'), /run id/],
    [
      "another velocity",
      "klatch.proof.json",
      swap('"velocity": "', '"velocity": null, "was": "'),
      /round 3/,
    ],
    ["another run", "klatch.proof.json", swap('"run": "', '"run": "0'), /damaged at run/],
    ["a word that is none", "klatch.proof.json", (text) => text.slice(0, -9), /no JSON/],
    [
      "tensors in another order",
      "klatch.proof.json",
      (text) => text.replaceAll("model.a.lora_A", "model.x.lora_A"),
      /layout/,
    ],
  ])("with %s is not valid", async (_, name, edit, expected) => {
    const folder = await exported(await CertifiedRun.of(4, 3));
    expect((await verifyFolder(folder, NOBODY)).problems).toEqual([]);

    change(folder, name, edit);

    const { code, stdout } = await runCommand(["verify", folder]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^valid {5}NO$/m);
    expect(stdout).toMatch(expected);
  });

  test("with one bit of the adapter changed is not the certified one", async () => {
    const folder = await exported(await CertifiedRun.of(4, 3));
    const file = join(folder, "adapter_model.safetensors");
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.with(bytes.length - 4, (bytes.at(-4) ?? 0) ^ 1));

    const { problems } = await verifyFolder(folder, NOBODY);

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^the adapter is not the certified one of round 3/);
  });

  test("of a method whose files lack what was trained says where it can be checked", async () => {
    const run = await CertifiedRun.of(4, 1);
    const adapter = { kind: "lora-xs", rank: 2, alpha: 4 };
    const terms = { ...run.terms, run: { ...run.terms.run, adapter } };

    const { problems } = await verifyFolder(await exported(run, { ...run.proof, terms }), NOBODY);

    expect(problems[0]).toMatch(/^an adapter of kind lora-xs is exported in another form/);
  });

  test("of an earlier round, under the proof of a later one, is not valid", async () => {
    const [short, long] = [await CertifiedRun.of(4, 2), await CertifiedRun.of(4, 3)];

    const { problems } = await verifyFolder(await exported(short, long.proof), NOBODY);

    expect(problems.join()).toContain("the adapter is not the certified one of round 3");
  });

  test("names the certificate that fails, and exits with 1", async () => {
    const run = await CertifiedRun.of(4, 3);
    const [, entry] = run.chain;
    const certificate = entry?.certificate.with(-1, (entry.certificate.at(-1) ?? 0) ^ 1);
    const chain = run.chain.with(1, { ...entry, certificate } as (typeof run.chain)[0]);
    const folder = await exported(run, { ...run.proof, chain });

    const { code, stdout } = await runCommand(["verify", folder]);

    expect(code).toBe(1);
    expect(stdout).toMatch(/^problem {3}round 2: the certificate: the signature of 12D3KooW/m);
  });

  test("of a chain that is too long has the last rounds, and says so", async () => {
    const run = await CertifiedRun.of(4, 6);
    const { terms, layout, velocity, chain } = run.proof;
    const about = { run: run.run, terms, layout, velocity };
    const whole = encodeProof(run.proof).length;
    const proof = proofOf(about, chain, whole);

    expect(encodeProof(proof).length).toBeLessThanOrEqual(whole);
    expect(proof.from).toBeGreaterThan(0);
    const { valid, problems, notes, contributors } = await verifyFolder(
      await exported(run, proof),
      NOBODY,
    );
    expect([valid, problems]).toEqual([true, []]);
    expect(notes[0]).toContain(`rounds 1 to ${proof.from} are not here`);
    expect(contributors[0]?.rounds).toBe(6 - proof.from);
    // control: all of it where there is room
    expect(proofOf(about, chain).from).toBe(0);
  });

  test("is read back as it was written, up to a size", async () => {
    const { proof } = await CertifiedRun.of(4, 2);
    const folder = temporaryFolder();
    writeProof(folder, proof);
    const read = readProof(folder);

    expect(encodeProof(read as Proof)).toBe(encodeProof(proof));
    change(folder, "klatch.proof.json", (text) => text + " ".repeat(PROOF_BYTES_MAX));
    expect(readProof(folder)).toContain("larger than 5 MiB");
    writeProof(folder, null);
    expect(readProof(folder)).toBeNull();
  });
});

describe("a node's data folder", () => {
  test("is valid as it lies, and names what was lost or damaged", async () => {
    const run = await CertifiedRun.of(4, 4);
    const sound = dataFolder(run);

    expect(await verifyFolder(sound, NOBODY)).toMatchObject({ valid: true, rounds: 4 });
    expect(await verifyFolder(sound, { run: run.run.slice(0, 8), head: null })).toMatchObject({
      digest: digestOfState(run.state(4)),
    });

    const record = join("runs", run.run, "run.json");
    change(sound, record, swap('"alpha":4', '"alpha":5'));
    expect((await verifyFolder(sound, NOBODY)).problems.join()).toContain("run.json is damaged");
    // as somebody does it who knows of the digest
    change(sound, record, (text) => text.replace(/"sha256":"[0-9a-f]{64}",/, ""));
    expect((await verifyFolder(sound, NOBODY)).problems.join()).toContain("run id");
  });

  test("whose ledger is no ledger is damaged", async () => {
    const folder = dataFolder(await CertifiedRun.of(4, 2));
    writeFileSync(join(folder, "ledger.sqlite"), "nothing of the kind");

    const { valid, problems } = await verifyFolder(folder, NOBODY);

    expect(valid).toBe(false);
    expect(problems.join("; ")).toMatch(/ledger.sqlite cannot be read.*no round is certified/);
  });

  test("whose checkpoint was exchanged is not certified", async () => {
    const run = await CertifiedRun.of(4, 2);
    const folder = dataFolder(run);
    const store = openStore(folder);
    store.commitRound(sampleCheckpoint(2, run.run), sampleRound(1));
    store.close();

    expect((await verifyFolder(folder, NOBODY)).problems.join()).toMatch(
      /not the certified one of round 2/,
    );
  });

  test("of a run in mode gossip has nothing to verify", async () => {
    const folder = dataFolder(await CertifiedRun.of(4, 1), "gossip");

    await expect(verifyFolder(folder, NOBODY)).rejects.toMatchObject({ code: "usage" });
    expect((await runCommand(["verify", folder])).code).toBe(2);
  });
});

test("other folders, and heads that are none, are refused", async () => {
  const { code, stderr } = await runCommand(["verify", temporaryFolder()]);
  expect([code, stderr]).toEqual([3, expect.stringContaining("neither")]);

  const adapter = await (await CertifiedRun.of(4, 1)).exportTo(temporaryFolder());
  expect((await runCommand(["verify", adapter])).stderr).toContain("nobody has signed it");
  expect((await runCommand(["verify", adapter, "--head", "12"])).code).toBe(2);
});

/** Exchanges a text that must be there. */
function swap(text: string, other: string): (whole: string) => string {
  return (whole) => {
    expect(whole).toContain(text);
    return whole.replace(text, other);
  };
}
