import { type Command, Option } from "commander";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { answers, statusUrl, tokenIn } from "../http/status-client.ts";
import { requireToken } from "../http/status-token.ts";
import { endProcess, runProcess } from "../process/lifecycle.ts";
import { silentLogger } from "../process/logger.ts";
import { chainBlockSchema, curvesSchema, machineNowSchema } from "../records/api-schemas.ts";
import { evidenceSchema } from "../records/record-schemas.ts";
import { loadModel, NoAnswer, type Request } from "../view/live/follower.ts";
import { wholeFrame } from "../view/live/frame.ts";
import { showLive } from "../view/live/live-screen.ts";
import type { Terminal } from "../view/terminal.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

/** `klatch top`: the dashboard in a terminal; printed once where there is none. */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command, (key) => ["dataDir", "status.host", "status.port"].includes(key));
  command
    .addOption(new Option("--url <url>", "status endpoint of the node to show"))
    .addOption(
      new Option(
        "--token-file <file>",
        "what the endpoint at --url is shown, where it asks for a token",
      ),
    )
    .option("--json", "print once, as one JSON document")
    .action(async () => {
      const { json } = command.opts<TopFlags>();
      const request = requestTo(nodeOf(command));
      const model = await answered(request);
      if (json === true) return terminal.json(model);
      const { keyboard } = terminal;
      if (keyboard !== undefined) return showUntilEnd(request, keyboard);
      const seen = { model, trouble: null };
      const columns = terminal.columns ?? PRINTED_COLUMNS;
      for (const line of wholeFrame(seen, columns, Date.now())) terminal.line(line);
    });
}

// --- internal ---

interface TopFlags {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

interface NodeAddress {
  readonly url: string;
  readonly token: string | null;
}

/** Width of the curves where nothing says how wide a line may be. */
const PRINTED_COLUMNS = 80;
/** Longest wait for an answer; events come for as long as there are some. */
const ANSWER_MS = 5000;
const STOP_MS = 1000;

function nodeOf(command: Command): NodeAddress {
  const { url, tokenFile } = command.opts<TopFlags>();
  if (url !== undefined) {
    return {
      url: url.replace(/\/+$/, ""),
      token: tokenFile === undefined ? null : requireToken(tokenFile),
    };
  }
  const config = configOf(command);
  return { url: statusUrl(config), token: tokenIn(config.dataDir) };
}

function requestTo({ url, token }: NodeAddress): Request {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  return async (path, headers, signal = AbortSignal.timeout(ANSWER_MS)) => {
    const response = await fetch(`${url}/v1/${path}`, {
      ...{ signal, headers: { ...headers, ...authorization } },
    });
    if (response.ok) return path === "events" ? response : checked(response, path);
    const why = response.status === 401 ? "it asks for a token" : `status ${response.status}`;
    throw new NoAnswer(response.status, `${url}: ${why}`);
  };
}

/** By the first word of the path. */
const ANSWERS: Readonly<Record<string, z.ZodType>> = {
  ...answers,
  curves: curvesSchema,
  evidence: z.array(evidenceSchema),
  chain: z.array(chainBlockSchema),
  machine: machineNowSchema,
};

/** The same answer once it is known to be one of a node. */
async function checked(response: Response, path: string): Promise<Response> {
  const [name = ""] = path.split("?");
  const parsed = ANSWERS[name]?.safeParse(await response.json());
  if (parsed?.success === true) return Response.json(parsed.data);
  throw new NoAnswer(null, `${response.url} is none of a klatch node`);
}

/** Everything at once; without it there is nothing to show. */
async function answered(request: Request) {
  try {
    return await loadModel(request);
  } catch (cause) {
    if (cause instanceof NoAnswer && cause.code === 401) {
      const hint = "name the file with --token-file: it is status-token in that node's data folder";
      throw new KlatchError("permission", cause.message, hint, { cause });
    }
    throw new KlatchError(
      "network",
      cause instanceof NoAnswer ? cause.message : "no node answers",
      "is it running? start it with `klatch start`, or name another with --config or --url",
      { cause },
    );
  }
}

async function showUntilEnd(
  request: Request,
  keyboard: NonNullable<Terminal["keyboard"]>,
): Promise<void> {
  await runProcess((signal) => showLive(request, keyboard, signal), {
    ...{ log: silentLogger(), exit: endProcess, events: process, stopMs: STOP_MS },
  });
}
