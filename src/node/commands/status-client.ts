import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { STANDINGS } from "../../types.ts";
import type { Config } from "../config.ts";
import { statusAddressFile } from "../data-folder.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

/** Longest wait for an answer. The endpoint is on this machine: a node that takes longer is in trouble. */
const ANSWER_MS = 5000;

const loss = z.number().nullable();
const evaluation = z.looseObject({
  loss: z.number().nullable(),
  perplexity: z.number().nullable(),
  exactMatch: z.number(),
});

const peerSchema = z.looseObject({
  peer: z.string(),
  connected: z.boolean(),
  neighbour: z.boolean(),
  standing: z.enum(STANDINGS),
  score: z.number(),
  round: z.number().nullable(),
  lastReason: z.string().nullable(),
  roundTripMs: z.number().nullable(),
});

const statusSchema = z.looseObject({
  version: z.string(),
  peerId: z.string(),
  run: z.string(),
  addresses: z.array(z.string()),
  state: z.string(),
  phase: z.string(),
  round: z.number(),
  rounds: z.number(),
  waitingFor: z.array(z.string()),
  deadline: z.number().nullable(),
  trainLoss: loss,
  heldOutLoss: loss,
  evaluation: evaluation.nullable(),
  rule: z.string(),
  attackersMax: z.number(),
  certifiedAttackers: z.number(),
  bytesSent: z.number(),
  bytesReceived: z.number(),
  peers: z.array(peerSchema),
});

const roundSchema = z.looseObject({
  round: z.number(),
  startedAt: z.number(),
  endedAt: z.number(),
  trainLoss: loss,
  heldOutLoss: loss,
  announced: z.array(z.string()),
  mixed: z.array(z.looseObject({ peer: z.string(), share: z.number() })),
  refused: z.array(z.looseObject({ peer: z.string(), reason: z.string() })),
  bytesSent: z.number(),
  bytesReceived: z.number(),
});

/** The answers of the endpoint; fields that this version does not know pass through to `--json`. */
export const answers = {
  status: statusSchema,
  peers: z.array(peerSchema),
  rounds: z.array(roundSchema),
};

/** Adds what the commands need that ask a running node. */
export function addClientOptions(command: Command): void {
  addConfigOptions(command, ["dataDir", "status.host", "status.port"]);
  command.addOption(new Option("--url <url>", "status endpoint of the node to ask"));
  command.addOption(new Option("--json", "print one JSON document"));
}

/** Asks the node of this command's configuration; throws `network` when none answers. */
export async function ask<T>(command: Command, path: string, schema: z.ZodType<T>): Promise<T> {
  const { url } = command.opts<{ url?: string }>();
  return askUrl(url ?? statusUrl(configOf(command)), path, schema);
}

/** Where the node of a configuration answers: as it wrote down when it started, else as configured. */
export function statusUrl(config: Config): string {
  try {
    const text = readFileSync(statusAddressFile(config.dataDir), "utf8");
    return z.looseObject({ url: z.url() }).parse(JSON.parse(text)).url;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    // A file cut short by a crash says as little as none.
    if (!isMissing && !(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    return `http://${config.status.host}:${config.status.port}`;
  }
}

/** Asks the endpoint at an address; throws `network` when nothing sensible answers. */
export async function askUrl<T>(url: string, path: string, schema: z.ZodType<T>): Promise<T> {
  let body: unknown;
  try {
    const response = await fetch(`${url}/v1/${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    body = await response.json();
  } catch (cause) {
    throw new KlatchError(
      "network",
      `no node answers at ${url}`,
      "is it running? start it with `klatch start`, or name another with --config or --url",
      { cause },
    );
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new KlatchError("network", `${url} is not a klatch node`, "check --url and status.port", {
    cause: parsed.error,
  });
}
