import { onTestFinished } from "vitest";
import { parseConfig } from "../../../../src/node/config/load.ts";
import {
  createStatusServer,
  type StatusServerDeps,
} from "../../../../src/node/http/status-server.ts";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { sampleSource } from "../node-samples.ts";

/** Starts an endpoint for the test that calls this; what is left out is a sample. */
export async function serveStatus(
  change: Partial<StatusServerDeps> = {},
  settings: object = {},
): Promise<{ readonly url: string; readonly dataDir: string; stop(): Promise<void> }> {
  const { status } = parseConfig({ status: { port: 0, ...settings } }, "/");
  const { dataDir = temporaryFolder() } = change;
  const deps = { source: sampleSource(), metrics: createMetrics(), ...change, dataDir };
  const server = createStatusServer(status, deps);
  await server.start(new AbortController().signal);
  onTestFinished(() => server.stop());
  return { url: server.url ?? "", dataDir, stop: () => server.stop() };
}
