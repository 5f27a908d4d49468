import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { runCommand, runJson } from "../../support/command-line.ts";
import { HubRepository } from "../../support/hub-repository.ts";
import { HubServer } from "../../support/hub-server.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { writeTinyFolder } from "../../unit/training/learner/model-folder.ts";

const ID = "some-lab/tiny";

/** A hub with a model that works, as the environment of commands names it. */
async function environment() {
  const folder = temporaryFolder();
  await writeTinyFolder(folder);
  const server = await HubServer.start();
  onTestFinished(() => server.stop());
  onTestFinished(() => void vi.unstubAllEnvs());
  const repository = HubRepository.ofFolder(ID, folder);
  server.add(repository);
  vi.stubEnv("HF_ENDPOINT", server.endpoint);
  vi.stubEnv("KLATCH_CACHE", temporaryFolder());
  return { folder, server, repository };
}

const generate = (model: string, ...more: string[]) => [
  "generate",
  ...["--model", model, "--prompt", "ab", "--max-tokens", "4", ...more],
];

describe("commands with a model of the hub", () => {
  test("generate and bench use it as they use its folder, and fetch it once", async () => {
    const { folder, server } = await environment();

    const fetched = await runJson(generate(ID));
    const asked = server.asked.length;
    await runJson(["bench", "train", "--model", ID, "--steps", "1", "--batch", "1", "--seq", "8"]);

    expect(fetched).toEqual(await runJson(generate(folder)));
    expect(server.asked).toHaveLength(asked);
  });

  test("doctor and export say which commit it is", async () => {
    const { folder, repository } = await environment();
    const place = temporaryFolder();
    const config = ["--config", join(place, "klatch.yaml")];
    await runJson(["init", place]);
    const run = [
      ...config,
      ...["--model", ID, "--data-train", join(folder, "data.jsonl"), "--run-rounds", "1"],
      ...["--run-steps", "1", "--run-sequence-max", "16", "--status-port", "0"],
      ...["--network-listen", "/ip4/127.0.0.1/tcp/0", "--log-level", "error"],
      ...["--timing-linger-ms", "0", "--exit-when-finished"],
    ];

    const { status } = await runJson<{ status: { model: unknown } }>(["start", ...run]);
    const out = join(place, "adapter");
    const kept = run.slice(0, run.indexOf("--exit-when-finished"));
    await runJson(["export", ...kept, "--out", out]);
    const { stdout } = await runCommand(["doctor", ...kept]);

    const { commit } = repository;
    expect(status.model).toMatchObject({ origin: { id: ID, revision: "main", commit } });
    const exported = JSON.parse(readFileSync(join(out, "adapter_config.json"), "utf8"));
    expect(exported).toMatchObject({ base_model_name_or_path: ID, revision: commit });
    expect(stdout).toContain(`${ID} at commit ${commit}`);
  });

  test("train says which commit it trained on", async () => {
    const { folder, repository } = await environment();
    const data = ["--data", join(folder, "data.jsonl"), "--steps", "1", "--out", temporaryFolder()];

    const { model } = await runJson<{ model: unknown }>(["train", "--model", ID, ...data]);

    expect(model).toMatchObject({ origin: { id: ID, commit: repository.commit } });
  });

  test("testnet fetches it once for all its peers", async () => {
    const { folder, server } = await environment();
    const small = ["--peers", "2", "--rounds", "1", "--steps", "1", "--batch-size", "2"];
    const data = ["--data", join(folder, "data.jsonl"), "--sequence-max", "16", "--rank", "2"];

    const report = await runJson<{ peers: unknown[]; options: { model: string } }>([
      ...["testnet", "run", "--model", ID, ...small, ...data],
    ]);

    expect(report.options.model).toBe(ID);
    expect(report.peers).toHaveLength(2);
    // As often as one command asks that has an empty cache.
    const asked = server.asked.splice(0).length;
    vi.stubEnv("KLATCH_CACHE", temporaryFolder());
    await runJson(generate(ID));
    expect(server.asked).toHaveLength(asked);
  });

  test("a model that is nowhere is an error with the words of both worlds", async () => {
    await environment();

    const { code, stderr } = await runCommand(generate("some-lab/nothing"));

    expect(code).toBe(3);
    expect(stderr).toContain("no model some-lab/nothing on the hub, nor a folder");
  });
});
