/**
 * The memory of behaviour: evidence, score, standing, and the judgement of the private gate. Pure; knows no models.
 *
 * @packageDocumentation
 */

export { gateConfigSchema, type ReputationConfig, reputationConfigSchema } from "./config.ts";
export { EVIDENCE_WEIGHTS, type EvidenceWeight } from "./evidence-weights.ts";
export { GATE_DEFAULTS, type GateInput, type GateVerdict, judgeGate, rowsToJudge } from "./gate.ts";
export {
  advance,
  emptyLedger,
  type Ledger,
  type LedgerEntry,
  observe,
  opinion,
  score,
  shareFactor,
  standing,
} from "./ledger.ts";
export { fromJson, toJson } from "./ledger-json.ts";
