import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createRun } from "../../../../src/node/admission/create-run.ts";
import { configSchema } from "../../../../src/node/config/config.ts";
import { loadConfig, newConfig } from "../../../../src/node/config/load.ts";
import { checkQuiet } from "../../../../src/node/doctor/quiet.ts";
import { bundledModel } from "../../../../src/node/folders/package-folder.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const PEERS = [
  "12D3KooWQ5HPqvVXFi4vnB3LnQ1MMrHZcC3bGRz4m9PpWgnhJH7Z",
  "12D3KooWRm8J3iL796zPFi2EtGGtUJn58AG67gcRzQ4FENEemvpg",
];
const HUB = { cacheFolder: null, endpoint: "https://hub.example", offline: false };

const sentBy = (config: object, hub: object = {}) =>
  checkQuiet(configSchema.parse(config), { ...HUB, ...hub }).sent;

describe("the doctor's check of what leaves", () => {
  test("names nothing for a node alone that serves nothing", () => {
    expect(sentBy({ status: { enabled: false } })).toEqual([]);
  });

  test("names members, their addresses and the status endpoint", () => {
    const address = `/dns4/bank.example/tcp/7117/p2p/${PEERS[1]}`;
    const run = { members: PEERS };

    expect(sentBy({ run, network: { bootstrap: [address] } }).map(({ to }) => to)).toEqual([
      "the 1 other members",
      address,
      "whoever asks at 127.0.0.1:8800",
    ]);
  });

  test("names the hub only for a model of the hub, and the token only where there is one", () => {
    const status = { enabled: false };
    const model = "some-lab/tiny";

    expect(sentBy({ status, model })).toEqual([
      { to: HUB.endpoint, what: "the model's name, once" },
    ]);
    expect(sentBy({ status, model }, { token: "hf_x" })[0]?.what).toBe(
      "the model's name and your token, once",
    );
    expect(sentBy({ status, model }, { offline: true })).toEqual([]);
    expect(sentBy({ status, model: "/models/tiny" })).toEqual([]);
  });

  test("names the model that members may fetch, until it is said that nobody may", async () => {
    const folder = temporaryFolder();
    const model = join(folder, "tiny");
    cpSync(bundledModel(), model, { recursive: true });
    const network = { announce: ["/ip4/203.0.113.7/tcp/7117"] };
    const config = newConfig({ model, network }, join(folder, "org"));
    const choices = { seats: 2, expires: 2_000_000_000_000, standing: false, given: ["model"] };
    const { config: file } = await createRun(join(folder, "org"), config, choices);
    const said = (shareModel: "folder" | "never") =>
      checkQuiet({ ...loadConfig({ file }), shareModel }, HUB).detail;

    expect(said("folder")).toContain(
      "the 4 files of the model, 2.0 MiB to members of the run that ask for them",
    );
    expect(said("never")).not.toContain("model");
  });

  test("says what is switched off", () => {
    expect(checkQuiet(configSchema.parse({}), HUB).off).toEqual([
      "usage data of ONNX Runtime (ORT_DISABLE_TELEMETRY=1)",
    ]);
  });
});
