import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { readAdapterSettings, readFlatState } from "../../training/index.ts";
import type { Digest } from "../../types.ts";
import { digestOfDigests, digestOfState, type RunTerms } from "../peer/manifest.ts";
import { fileError, isFileOrNothing, isMissing } from "../store/file-system.ts";
import type { Claim } from "./claim.ts";
import { headOf, PROOF_FILE, type Proof, readProof } from "./proof-file.ts";
import { hasMomentum } from "./run-terms.ts";

/** What an exported adapter says of itself and in its proof. */
export async function readAdapterClaim(folder: string): Promise<Claim> {
  const proof = readProof(folder);
  if (proof === null || typeof proof === "string") {
    const problems = [proof ?? `${PROOF_FILE} is gone`];
    return { ...NOTHING, problems };
  }
  const { run, terms, from, levels, changes, chain } = proof;
  const problems: string[] = [];
  const digest = await attempt(problems, () => digestIn(folder, proof));
  const rounds = from + chain.length;
  problems.push(...namesTroubles(folder, proof));
  return {
    ...{ run, terms, from, levels, changes, chain, problems, notes: [] },
    adapters: digest === null ? [] : [{ rounds, digest, checkpoint: checkpointOf(digest, proof) }],
  };
}

// --- internal ---

const NOTHING: Claim = {
  ...{ run: null, terms: null, from: 0, levels: null, changes: [] },
  ...{ chain: [], adapters: [], problems: [], notes: [] },
};

/** The checkpoint of a state, with what the proof says of the velocity where the run has momentum. */
function checkpointOf(digest: Digest, { terms, velocity }: Proof): Digest {
  const isOne = hasMomentum(terms) && velocity !== null;
  return isOne ? digestOfDigests(digest, velocity) : digest;
}

const namesSchema = z.looseObject({
  runId: z.string(),
  round: z.int(),
  head: z.string(),
  baseModelDigest: z.string(),
  classes: z.array(z.string()).nullish(),
});

/** What klatch.json names is what people and programs go by: run, round, head, base model and classes. */
function namesTroubles(folder: string, proof: Proof): readonly string[] {
  const named = namesSchema.safeParse(readJson(join(folder, "klatch.json")));
  if (!named.success) return ["klatch.json is missing or damaged, or of no run in mode agreed"];
  const { runId, round, head, baseModelDigest, classes } = named.data;
  const isTold = (text: string) => text.includes(JSON.stringify(classes));
  const table: readonly (readonly [boolean, string])[] = [
    [runId === proof.run, "run"],
    [round === proof.from + proof.chain.length, "round"],
    [head === headOf(proof), "head"],
    [baseModelDigest === proof.terms.model, "base model"],
    // the layout's digest covers them and their order
    [classes == null || proof.layout.some(isTold), "classes"],
  ];
  const others = table.filter(([isSame]) => !isSame).map(([, what]) => what);
  return others.length === 0 ? [] : [`klatch.json has another ${others.join(", ")} than the proof`];
}

/** What a file says in JSON; null where it is missing or says nothing. */
function readJson(file: string): unknown {
  try {
    return isFileOrNothing(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return null;
    throw fileError(error, file);
  }
}

/** Methods whose files do not have the numbers that were trained, but what follows from them and the base model. */
const DERIVED: readonly unknown[] = ["lora-xs", "bitfit"];

async function digestIn(folder: string, { terms, layout }: Proof): Promise<Digest> {
  const { kind } = adapterTerms(terms);
  if (DERIVED.includes(kind)) {
    throw new KlatchError(
      "data",
      `an adapter of kind ${kind} is exported in another form than it is trained and certified in`,
      "verify the data folder of a member instead",
    );
  }
  await checkSettings(folder, terms);
  return digestOfState(await readFlatState(folder, layout, terms.layout));
}

/** The same numbers under another rank, alpha or method are another adapter. */
async function checkSettings(folder: string, terms: RunTerms): Promise<void> {
  const { bottleneckSize: size, ...agreed } = { ...adapterTerms(terms) };
  const wanted: Readonly<Record<string, unknown>> = { ...agreed, size };
  const found = await readAdapterSettings(folder);
  for (const [name, value] of Object.entries(found)) {
    // lists name layers, which the tensors show; of a run no layer has numbers of its own
    const isSame = Array.isArray(value) ? name !== "whole" : value === wanted[name];
    if (isSame) continue;
    throw new KlatchError(
      "data",
      `adapter_config.json has another ${name} than the run`,
      "take the folder that `klatch export` wrote, whole",
    );
  }
}

function adapterTerms({ run }: RunTerms): Readonly<Record<string, unknown>> {
  const { adapter } = run;
  return typeof adapter === "object" && adapter !== null ? { ...adapter } : {};
}

/** What cannot be read, or does not fit, is a finding and no failure. */
async function attempt<T>(problems: string[], read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    const isFinding = error instanceof KlatchError && ["data", "incompatible"].includes(error.code);
    if (!isFinding) throw error;
    problems.push(error.message);
    return null;
  }
}
