import type { NodeStatus } from "../../node/records/records.ts";
import { PHASE_WORDS, short } from "../words.ts";

/** Who this is, and what it does now. */
export function Header({ status }: { readonly status: NodeStatus }) {
  const { peerId, run, state, model } = status;
  return (
    <header>
      <div class="who">
        <h1>Klatch</h1>
        <p>
          node <code title={peerId}>{short(peerId)}</code> in run{" "}
          <code title={run}>{run.slice(0, 12)}</code>
          {model.origin === null ? null : (
            <>
              , model <bdi>{model.origin.id}</bdi>
            </>
          )}
        </p>
      </div>
      <p class="now" role="status">
        <span class={`dot ${toneOf(state)}`} aria-hidden="true" />
        {sentenceOf(status)}
      </p>
    </header>
  );
}

// --- internal ---

function toneOf(state: NodeStatus["state"]): string {
  if (state === "running" || state === "finished") return "good";
  return state === "alone" || state === "joining" ? "fair" : "poor";
}

function sentenceOf({ state, round, rounds, phase }: NodeStatus): string {
  switch (state) {
    case "joining":
      return "Has met no other member yet";
    case "alone":
      return `Round ${round} of ${rounds}: alone, trains on`;
    case "running":
      return `Round ${round} of ${rounds}: ${PHASE_WORDS[phase]}`;
    case "finished":
      return `Finished: ${rounds} rounds`;
    case "stopping":
    case "stopped":
      return "Stops";
  }
}
