import * as z from "zod";
import { parseJson } from "../json.ts";
import type { ReputationConfig } from "./config.ts";
import { emptyLedger, type Ledger } from "./ledger.ts";
import { CAPITAL_MAX, VETO_RATES } from "./opinion-test.ts";

const counter = z.number().min(0).max(1e6);
const round = z.int().min(0);

const entrySchema = z.strictObject({
  credit: counter,
  faults: counter,
  vetoes: counter,
  absence: counter,
  round,
  faultRound: z.int().min(-1),
  faultStreak: z.int().min(0),
  isolatedUntil: round.nullable(),
  isolations: z.int().min(0),
  evicted: z.boolean(),
  opinion: z.strictObject({
    judged: z.int().min(0),
    capital: z.array(z.number().min(0).max(CAPITAL_MAX)).length(VETO_RATES.length),
  }),
});

const ledgerSchema = z.strictObject({
  version: z.literal(2),
  peers: z.array(z.tuple([z.string().min(1).max(128), entrySchema])),
});

/** Largest text that is read back: 100 000 peers of about 300 characters. */
const TEXT_MAX = 32 * 1024 * 1024;

/** The ledger as JSON text; its constants are configuration and stay out. */
export function toJson(ledger: Ledger): string {
  return JSON.stringify({ version: 2, peers: [...ledger.entries] });
}

/**
 * Reads a ledger back.
 *
 * @param config - constants in force now
 * @returns the ledger, and a sentence when the text could not be used and a fresh ledger took its place
 */
export function fromJson(
  text: string,
  config: Partial<ReputationConfig> = {},
): { readonly ledger: Ledger; readonly warning: string | null } {
  const fresh = emptyLedger(config);
  const parsed = text.length <= TEXT_MAX ? parseJson(text) : undefined;
  const result = ledgerSchema.safeParse(parsed);
  if (!result.success) {
    const where = result.error.issues[0];
    const detail = where === undefined ? "" : ` (${[...where.path, where.message].join(" ")})`;
    const warning = `The ledger of peers could not be read and starts afresh${detail}.`;
    return { ledger: fresh, warning };
  }
  const { peers } = result.data;
  if (peers.length > fresh.config.peersMax) {
    const warning = `The ledger holds ${peers.length} peers, more than ${fresh.config.peersMax}, and starts afresh.`;
    return { ledger: fresh, warning };
  }
  return { ledger: { config: fresh.config, entries: new Map(peers) }, warning: null };
}
