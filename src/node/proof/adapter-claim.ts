import { KlatchError } from "../../errors.ts";
import { readAdapterOrigin, readAdapterSettings, readFlatState } from "../../training/index.ts";
import type { Digest } from "../../types.ts";
import { digestOfState, type RunTerms } from "../peer/manifest.ts";
import type { Claim } from "./claim.ts";
import { headOf, PROOF_FILE, type Proof, readProof } from "./proof-file.ts";

/** What an exported adapter says of itself and in its proof. */
export async function readAdapterClaim(folder: string): Promise<Claim> {
  const proof = readProof(folder);
  if (proof === null || typeof proof === "string") {
    const problems = [proof ?? `${PROOF_FILE} is gone`];
    return { ...NOTHING, problems };
  }
  const { run, terms, from, levels, chain } = proof;
  const problems: string[] = [];
  const digest = await attempt(problems, () => digestIn(folder, proof));
  const rounds = from + chain.length;
  const origin = await attempt(problems, () => readAdapterOrigin(folder));
  if (origin?.runId !== run || origin.round !== rounds || origin.head !== headOf(proof)) {
    problems.push("klatch.json does not name run, round and head as the proof has them");
  }
  return {
    ...{ run, terms, from, levels, chain, problems, notes: [] },
    adapters: digest === null ? [] : [{ rounds, digest }],
  };
}

// --- internal ---

const NOTHING: Claim = {
  ...{ run: null, terms: null, from: 0, levels: null },
  ...{ chain: [], adapters: [], problems: [], notes: [] },
};

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
