import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { HubRepository } from "../../support/hub-repository.ts";
import { HubServer } from "../../support/hub-server.ts";
import { startCli } from "../../support/klatch-cli.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { writeTinyFolder } from "../../unit/training/learner/model-folder.ts";

const ID = "some-lab/tiny";

/** A proxy that leads every tunnel to one server, and remembers where it was asked to lead it. */
async function startProxy(to: string): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const { hostname, port } = new URL(to);
  const proxy = createServer();
  proxy.on("connect", ({ url }, client) => {
    asked.push(url ?? "");
    const server = connect(Number(port), hostname, () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      server.pipe(client).pipe(server);
    });
    for (const socket of [client, server]) socket.on("error", () => socket.destroy());
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void proxy.close());
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

test("a hub that only the proxy reaches is asked through it, and not what no_proxy names", async () => {
  const folder = temporaryFolder();
  await writeTinyFolder(folder);
  const hub = await HubServer.start();
  onTestFinished(() => hub.stop());
  hub.add(HubRepository.ofFolder(ID, folder));
  const proxy = await startProxy(hub.endpoint);
  const evaluate = async (environment: NodeJS.ProcessEnv) => {
    const args = ["eval", "--model", ID, "--data", join(folder, "data.jsonl")];
    const base = {
      HOME: folder,
      KLATCH_CACHE: temporaryFolder(),
      HF_ENDPOINT: "http://hub.invalid",
    };
    const process = startCli(args, { ...base, ...environment });
    return { code: (await process.ended()).code, stderr: process.stderr };
  };

  const through = await evaluate({ http_proxy: proxy.url });
  expect(through.code, through.stderr).toBe(0);
  expect(new Set(proxy.asked)).toEqual(new Set(["hub.invalid:80"]));

  const { length } = proxy.asked;
  const past = await evaluate({ HTTP_PROXY: proxy.url, NO_PROXY: ".invalid" });
  expect(past.code).toBe(5);
  expect(past.stderr).toContain("cannot be reached (ENOTFOUND)");
  expect(proxy.asked).toHaveLength(length);
});
