/**
 * The protocol without a node: the round as a pure function, the mixing rules and what they are certified for, updates as
 * bytes, the memory of behaviour. No IO, no clock, no randomness: whoever calls performs the effects. The whole is
 * examples/own-transport.ts.
 *
 * ```ts
 * const [round, effects] = klatch.step(next.to.round, next.event);
 * next.to.round = round;
 * for (const effect of effects) perform(next.to, effect);
 * ```
 *
 * @packageDocumentation
 */
export * from "./consensus/index.ts";
export {
  advance,
  EVIDENCE_WEIGHTS,
  type EvidenceWeight,
  emptyLedger,
  fromJson as ledgerFromJson,
  GATE_DEFAULTS,
  type GateInput,
  type GateVerdict,
  judgeGate,
  type Ledger,
  type LedgerEntry,
  observe,
  type ReputationConfig,
  reputationConfigSchema,
  score,
  shareFactor,
  standing,
  toJson as ledgerToJson,
} from "./reputation/index.ts";
export type * from "./types.ts";
