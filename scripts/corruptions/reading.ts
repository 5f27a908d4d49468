import { join } from "node:path";
import { KlatchError } from "../../src/errors.ts";
import { loadIdentity } from "../../src/gossip/index.ts";
import { readAdmissions, readTicket } from "../../src/node/admission/admission-files.ts";
import { identityFile, statusTokenFile } from "../../src/node/folders/data-folder.ts";
import { writtenUrl } from "../../src/node/http/status-client.ts";
import { readToken } from "../../src/node/http/status-token.ts";
import { parseChange } from "../../src/node/membership/change-file.ts";
import { PastRuns } from "../../src/node/past/past-runs.ts";
import { TrainingCheckpoints } from "../../src/node/past/training-checkpoints.ts";
import { openStore } from "../../src/node/store/store.ts";
import { TRAINED } from "./kept-folder.ts";
import { OPEN_ROUND, RUN } from "./kept-run.ts";

/** What a node that starts finds in its folder, and what it says about it. */
export interface Reading {
  /** By what it is: texts that are the same where the values are. */
  readonly values: ReadonlyMap<string, string>;
  /** Warnings, and errors with a hint. */
  readonly said: readonly string[];
  /** What was thrown that no operator can act upon. */
  readonly crashes: readonly string[];
}

const ALL = 1000;

/** Reads all of a folder as a node does that starts, and the commands beside it. */
export async function readFolder(folder: string): Promise<Reading> {
  const values = new Map<string, string>();
  const said: string[] = [];
  const crashes: string[] = [];
  const warn = (sentence: string) => void said.push(sentence);
  const read = async (name: string, value: () => unknown) => {
    try {
      const found = await value();
      if (found !== null) values.set(name, textOf(found));
    } catch (error) {
      const isTold = error instanceof KlatchError && error.hint !== "" && error.code !== "internal";
      if (isTold) said.push(`${error.message}: ${error.hint}`);
      else crashes.push(String(error instanceof Error ? error.stack : error));
    }
  };
  await read("store", () => readStore(folder, read, warn));
  await read("past", async () => {
    const past = new PastRuns(folder, warn);
    try {
      await read("run record", () => past.record(RUN));
    } finally {
      past.close();
    }
    return null;
  });
  await read("identity", () => loadIdentity(identityFile(folder)));
  // what it says is the token, whatever that is: who has a copy of another is told so
  await read("token", () => readToken(statusTokenFile(folder)) && "one");
  await read("address", () => writtenUrl(folder));
  await read("admissions", () => readAdmissions(folder));
  await read("ticket", () => readTicket(folder));
  await read("training alone", () => new TrainingCheckpoints(join(folder, TRAINED)).newest(warn));
  return { values, said, crashes };
}

// --- internal ---

async function readStore(
  folder: string,
  read: (name: string, value: () => unknown) => Promise<void>,
  warn: (sentence: string) => void,
): Promise<null> {
  const store = openStore(folder, { warn });
  const readAll = async (name: string, list: () => readonly unknown[]) => {
    const found: unknown[] = [];
    await read(`all of ${name}`, () => {
      found.push(...list());
      return null;
    });
    // known by what they are: where they are in a list says nothing
    for (const each of found) await read(`${name} ${textOf(each)}`, () => each);
  };
  try {
    await read("checkpoint", () => store.loadCheckpoint(RUN)?.checkpoint ?? null);
    await read("update", () => store.loadUpdate(RUN, OPEN_ROUND));
    await read("training of a round", () => store.loadTraining(RUN, OPEN_ROUND));
    await read("round to mix again", () => store.keptRound(RUN, OPEN_ROUND - 1));
    await readAll("round", () => store.rounds(RUN, ALL));
    await readAll("evidence", () => store.evidence(RUN, ALL));
    await readAll("said", () => store.said(RUN, OPEN_ROUND));
    await readAll("block", () => store.chain(RUN, 0, ALL));
    await read("result", () => store.loadResult(RUN));
    for (const text of store.memberChanges().values()) {
      await read("change of members", () => parseChange(text));
    }
  } finally {
    store.close();
  }
  return null;
}

/** The same text for the same value, whatever arrays are in it. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (ArrayBuffer.isView(each)) {
      const bytes = Buffer.from(each.buffer, each.byteOffset, each.byteLength);
      return bytes.toString("base64");
    }
    return each instanceof Map ? [...each] : each;
  });
}
