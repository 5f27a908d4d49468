import { describe, expect, test } from "vitest";
import { configSchema } from "../../../../src/node/config/config.ts";
import { checkQuiet } from "../../../../src/node/doctor/quiet.ts";

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

  test("says what is switched off", () => {
    expect(checkQuiet(configSchema.parse({}), HUB).off).toEqual([
      "usage data of ONNX Runtime (ORT_DISABLE_TELEMETRY=1)",
    ]);
  });
});
