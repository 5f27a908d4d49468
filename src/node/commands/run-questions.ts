import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { KlatchError } from "../../errors.ts";
import { SEATS } from "../admission/offer.ts";
import { bytesIn } from "../budget/units.ts";
import { runSection } from "../config/run-section.ts";
import { requireModel } from "../doctor/quick.ts";
import type { Question } from "../view/questions.ts";

/** What `klatch run create` asks of who names too little, by the attribute of the flag that says the same. */
export type RunAnswer =
  | "folder"
  | "name"
  | "data"
  | "seats"
  | "model"
  | "runTask"
  | "runMode"
  | "bytesPerRound";

/** Without these there is no run. */
export const NEEDED: ReadonlySet<RunAnswer> = new Set(["folder", "name", "data", "seats"]);

/** Taken where the answer is empty: what a run without the flag has. */
export const UNSAID: Partial<Readonly<Record<RunAnswer, string>>> = {
  model: "bundled",
  bytesPerRound: "any",
};

export const RUN_QUESTIONS: readonly Question<RunAnswer>[] = [
  { key: "folder", ask: "Folder for klatch.yaml and the data folder", otherwise: "klatch" },
  {
    key: "name",
    ask: "Name of the run, for people",
    check: (answer) => runSection.shape.name.safeParse(answer).error?.issues[0]?.message,
  },
  {
    key: "data",
    ask: "This organisation's files to train on (several with a comma between)",
    check: (answer) => missing(pathsIn(answer)),
  },
  {
    key: "seats",
    ask: "Organisations in the run, this one among them",
    check: (answer) =>
      /^[0-9]+$/.test(answer) && Number(answer) >= SEATS.least && Number(answer) <= SEATS.most
        ? undefined
        : `a whole number from ${SEATS.least} to ${SEATS.most}`,
  },
  {
    key: "model",
    ask: "Model: a Hugging Face folder, organisation/name of the hub, or the small one that comes along",
    otherwise: UNSAID.model ?? "",
    check: (answer) => (answer === UNSAID.model ? undefined : trouble(() => requireModel(answer))),
  },
  {
    key: "runTask",
    ask: "Task",
    otherwise: "causal",
    choices: { causal: "go on with a text", classification: "tell the class of a text or image" },
  },
  {
    key: "runMode",
    ask: "Mode",
    otherwise: "auto",
    choices: {
      auto: "by the number of organisations: agreed for 4 to 200",
      agreed: "a quorum signs each round; of 3f + 1 members f may do anything",
      gossip: "nothing is agreed; every member goes on whatever happens",
    },
  },
  {
    key: "bytesPerRound",
    ask: "Bytes that a member may send in a round, such as 64KiB",
    otherwise: UNSAID.bytesPerRound ?? "",
    check: (answer) =>
      answer === UNSAID.bytesPerRound || bytesIn(answer) !== null
        ? undefined
        : "bytes such as 64KiB or 2MB, from 1KiB to 1TiB",
  },
];

/** Paths in an answer. */
export function pathsIn(answer: string): readonly string[] {
  return answer
    .split(",")
    .map((path) => path.trim())
    .filter((path) => path !== "");
}

// --- internal ---

function missing(paths: readonly string[]): string | undefined {
  const gone = paths.filter((path) => !existsSync(resolve(path)));
  return gone.length === 0 ? undefined : `there is no ${gone.join(", ")}`;
}

function trouble(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof KlatchError) return `${error.message}: ${error.hint}`;
    throw error;
  }
}
