import type { RoundRecord } from "../../src/node/records/records.ts";
import { mean } from "../../src/node/view/quantities.ts";
import type { TestnetOptions } from "../options.ts";
import type { PeerRecord } from "./report.ts";
import type { Certificates, TestnetReport } from "./report-shape.ts";

/** What honest peers agreed on, and by which rule. */
export function agreementOf(
  options: TestnetOptions,
  honest: readonly PeerRecord[],
): Pick<TestnetReport, "mode" | "digests" | "agreed" | "certificates" | "rule"> {
  const told = honest.flatMap(({ id, status }) =>
    status?.adapter == null ? [] : [[id, status.adapter] as const],
  );
  const mode = honest.find(({ status }) => status !== null)?.status?.mode ?? "gossip";
  const isWhole = told.length === honest.length && told.length > 0;
  return {
    mode,
    digests: Object.fromEntries(told),
    agreed: isWhole && new Set(told.map(([, digest]) => digest)).size === 1,
    certificates: mode === "agreed" ? certificatesOf(options.rounds, honest) : null,
    rule: mode === "agreed" ? options.agreedRule : options.rule,
  };
}

// --- internal ---

function certificatesOf(rounds: number, honest: readonly PeerRecord[]): Certificates {
  const facts = honest.flatMap((peer) => peer.rounds.flatMap(factsOf));
  const certified = new Set(facts.map(({ round }) => round)).size;
  const times = facts.flatMap(({ ms }) => ms ?? []).toSorted((a, b) => a - b);
  return {
    rounds: certified,
    missing: rounds - certified,
    medianMs: times[times.length >> 1] ?? null,
    worstMs: times.at(-1) ?? null,
    bytes: Math.round(mean(facts.map(({ bytes }) => bytes)) ?? 0),
  };
}

function factsOf({ round, agreed }: RoundRecord) {
  if (agreed === undefined) return [];
  const bytes = agreed.blockBytes + agreed.certificateBytes;
  return [{ round, ms: agreed.certificateMs, bytes }];
}
