import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { type ErrorCode, EXIT_CODES, KlatchError } from "../../src/errors.ts";
import { parseJson, replaceFile } from "./state-file.ts";

/** What may be done to a peer of a network in the background. */
export const CHAOS = ["kill", "restart", "pause", "resume"] as const;

const requestSchema = z.strictObject({ do: z.enum(CHAOS), peer: z.int().min(1).max(100) });

/** Something that its keeper is asked to do to a peer, which is counted from 1. */
export type ChaosRequest = z.output<typeof requestSchema>;

const refusalSchema = z.strictObject({ code: z.string(), message: z.string(), hint: z.string() });
const answerSchema = z.strictObject({ refusal: refusalSchema.nullable() });

const POLL_MS = 50;
const ANSWER_SECONDS = 60;
/** Requests that are looked at at a time. */
const REQUESTS_MAX = 100;

const folderOf = (folder: string) => join(folder, "requests");

/** Hands a request to the keeper of a network; resolves when it is done. Throws what the keeper refuses it with. */
export async function askKeeper(folder: string, request: ChaosRequest): Promise<void> {
  const file = join(folderOf(folder), `${randomUUID()}.json`);
  const answered = `${file}.answer`;
  mkdirSync(folderOf(folder), { recursive: true, mode: 0o700 });
  replaceFile(file, request);
  const deadline = Date.now() + ANSWER_SECONDS * 1000;
  while (!existsSync(answered)) {
    if (Date.now() > deadline) {
      rmSync(file, { force: true });
      throw new KlatchError(
        "internal",
        `the testnet in ${folder} did not answer within ${ANSWER_SECONDS} s`,
        "See its keeper.log.",
      );
    }
    await delay(POLL_MS);
  }
  const { refusal } = answerSchema.parse(parseJson(readFileSync(answered, "utf8")));
  rmSync(answered);
  if (refusal === null) return;
  const code = refusal.code in EXIT_CODES ? (refusal.code as ErrorCode) : "internal";
  throw new KlatchError(code, refusal.message, refusal.hint);
}

/** Does what was asked for since the last time, and answers. */
export async function answerRequests(
  folder: string,
  act: (request: ChaosRequest) => Promise<void>,
): Promise<void> {
  const names = existsSync(folderOf(folder)) ? readdirSync(folderOf(folder)) : [];
  for (const name of names.filter((one) => one.endsWith(".json")).slice(0, REQUESTS_MAX)) {
    const file = join(folderOf(folder), name);
    const refusal = await refusalOf(file, act);
    rmSync(file, { force: true });
    replaceFile(`${file}.answer`, { refusal });
  }
}

// --- internal ---

async function refusalOf(
  file: string,
  act: (request: ChaosRequest) => Promise<void>,
): Promise<z.output<typeof refusalSchema> | null> {
  const request = requestSchema.safeParse(parseJson(readFileSync(file, "utf8")));
  if (!request.success) return { code: "usage", message: "no such request", hint: "Ask anew." };
  try {
    await act(request.data);
    return null;
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
    const { code, message, hint } = error;
    return { code, message, hint };
  }
}
