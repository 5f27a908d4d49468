import { existsSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import type { Digest, PeerId } from "../../types.ts";
import { termsDigest } from "../peer/manifest.ts";
import { sum } from "../view/quantities.ts";
import { readAdapterClaim } from "./adapter-claim.ts";
import { type AuditedRound, auditChain, type ChainAudit, type OpinionsOf } from "./chain-audit.ts";
import type { Claim } from "./claim.ts";
import { readDataClaim } from "./data-claim.ts";
import { PROOF_FILE } from "./proof-file.ts";
import { attackersMinIn, hasMomentum, membersOf } from "./run-terms.ts";

/** Whether a folder shows what it says. */
export interface Verification {
  readonly valid: boolean;
  readonly run: Digest | null;
  /** Rounds that are final. */
  readonly rounds: number;
  readonly members: readonly PeerId[];
  /** In how many rounds each member's update counted, its part in all that did, and what ballots of others said of it. */
  readonly contributors: readonly Contributor[];
  /** Digest of the newest adapter in the folder. */
  readonly digest: Digest | null;
  /** Digest of the last block. */
  readonly head: Digest | null;
  readonly byRound: readonly AuditedRound[];
  readonly problems: readonly string[];
  /** What could not be checked here, or how it could be. */
  readonly notes: readonly string[];
}

export interface Contributor extends OpinionsOf {
  readonly rounds: number;
  readonly share: number;
}

/**
 * Checks a node's data folder or an exported adapter, offline: the members by the run id, every certificate and ballot,
 * what follows from the ballots, and that the adapter is the certified one.
 *
 * @throws KlatchError `data` for a folder of another kind, `usage` where nothing is agreed in the run
 */
export async function verifyFolder(
  folder: string,
  { run, head }: { readonly run: string | null; readonly head: Digest | null },
): Promise<Verification> {
  return judge(await claimOf(folder, run), head);
}

// --- internal ---

async function claimOf(folder: string, run: string | null): Promise<Claim> {
  if (existsSync(join(folder, PROOF_FILE))) {
    if (run === null) return await readAdapterClaim(folder);
    throw new KlatchError("usage", "--run is for data folders", "an adapter is of one run");
  }
  const isDataFolder = (path: string) =>
    ["runs", "ledger.sqlite"].some((name) => existsSync(join(path, name)));
  const data = [folder, join(folder, ".klatch")].find(isDataFolder);
  if (data !== undefined) return readDataClaim(data, run);
  const isAdapter = existsSync(join(folder, "adapter_config.json"));
  throw new KlatchError(
    "data",
    isAdapter
      ? `${folder} holds an adapter without ${PROOF_FILE}: nobody has signed it`
      : `${folder} is neither a node's data folder nor an adapter with ${PROOF_FILE}`,
    "`klatch export` writes one beside the adapter of a run in mode agreed",
  );
}

/** Problems that are told; the others are counted. */
const PROBLEMS_MAX = 20;

function judge(claim: Claim, wanted: Digest | null): Verification {
  const { run, terms, adapters } = claim;
  const first = (terms && membersOf(terms)) ?? [];
  const { byRound, problems: faults, members } = auditOf(claim, first);
  const problems = [
    ...claim.problems,
    ...termsTroubles(claim, first),
    ...faults,
    ...(claim.chain.length === 0 ? ["no round is certified"] : []),
    ...adapterTroubles(claim, byRound),
    ...headTroubles(byRound, wanted),
  ];
  const last = byRound.at(-1);
  return {
    valid: problems.length === 0,
    ...{ run, rounds: last?.round ?? 0, members, contributors: contributorsOf(first, byRound) },
    digest: adapters[0]?.digest ?? null,
    head: last?.block ?? null,
    byRound,
    problems: bounded(problems),
    notes: [...claim.notes, ...notesOf(claim, byRound, wanted)],
  };
}

function auditOf(
  { run, terms, from, levels, changes, chain }: Claim,
  members: readonly PeerId[],
): ChainAudit {
  if (run === null || members.length === 0) return { byRound: [], problems: [], members };
  const attackersMin = terms === null ? undefined : attackersMinIn(terms);
  // with momentum a checkpoint is not of the state alone
  const start = terms === null || hasMomentum(terms) ? null : (terms.init ?? null);
  return auditChain({
    run,
    members,
    start,
    from,
    chain,
    changes,
    levels: levels ?? undefined,
    attackersMin,
  });
}

function termsTroubles({ run, terms }: Claim, members: readonly PeerId[]): readonly string[] {
  if (terms === null) return [];
  if (termsDigest(terms) !== run) return ["the terms and members are not those of the run id"];
  return members.length === 0 ? ["the terms of the run name no members that agree"] : [];
}

/** Each adapter is to be what the block of its last round names. */
function adapterTroubles({ adapters }: Claim, byRound: readonly AuditedRound[]): readonly string[] {
  return adapters.flatMap(({ rounds, digest, checkpoint }) => {
    const certified = byRound.find(({ round }) => round === rounds);
    if (certified?.checkpoint === checkpoint) return [];
    return certified === undefined
      ? [`the adapter of round ${rounds} is certified by no block that is here`]
      : [`the adapter is not the certified one of round ${rounds}: its digest is ${digest}`];
  });
}

function headTroubles(byRound: readonly AuditedRound[], wanted: Digest | null): readonly string[] {
  if (wanted === null || byRound.some(({ block }) => block === wanted)) return [];
  return [`the block ${wanted} is not in the chain: this is another past`];
}

function contributorsOf(
  members: readonly PeerId[],
  byRound: readonly AuditedRound[],
): readonly Contributor[] {
  const counted = byRound.filter(({ contributors }) => contributors.length > 0);
  const everyone = new Set([...members, ...byRound.flatMap(present)]);
  return [...everyone].map((peer) => {
    const shares = counted.flatMap(({ contributors }) =>
      contributors.filter((each) => each.peer === peer).map(({ share }) => share),
    );
    const share = counted.length === 0 ? 0 : sum(shares) / counted.length;
    const said = byRound.flatMap(({ opinions }) => opinions.filter((each) => each.peer === peer));
    return {
      ...{ peer, rounds: shares.length, share },
      helpful: sum(said.map(({ helpful }) => helpful)),
      neutral: sum(said.map(({ neutral }) => neutral)),
      harmful: sum(said.map(({ harmful }) => harmful)),
    };
  });
}

function present({ joined, contributors }: AuditedRound): readonly PeerId[] {
  return [...contributors.map(({ peer }) => peer), ...joined];
}

function notesOf(
  { from }: Claim,
  byRound: readonly AuditedRound[],
  wanted: Digest | null,
): readonly string[] {
  const shortened =
    from === 0
      ? []
      : [
          `rounds 1 to ${from} are not here, the proof would be too long: shares in later ones rest on what it says of them`,
        ];
  if (wanted === null) {
    const headless =
      "no --head was given: keys that members gave up since could have signed another past; ask one of them for its chain head (`klatch status`)";
    return [...shortened, headless];
  }
  const at = byRound.find(({ block }) => block === wanted);
  const isOlder = at !== undefined && at !== byRound.at(-1);
  return isOlder ? [...shortened, `the head that was given is of round ${at.round}`] : shortened;
}

function bounded(problems: readonly string[]): readonly string[] {
  const more = problems.length - PROBLEMS_MAX;
  if (more <= 0) return problems;
  return [...problems.slice(0, PROBLEMS_MAX), `and ${more} more`];
}
