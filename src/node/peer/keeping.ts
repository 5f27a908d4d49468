import { toJson } from "../../reputation/index.ts";
import type { RoundRecord } from "../records/records.ts";
import { showRound } from "./metrics.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerState } from "./peer-state.ts";

/** What is written down at the end of a round, and at the end of the run. */
export class Keeping {
  readonly #parts: PeerParts;
  readonly #state: PeerState;

  constructor(parts: PeerParts, state: PeerState) {
    this.#parts = parts;
    this.#state = state;
  }

  /**
   * Keeps the result of a round, and with which round the node goes on: one that did not, and came back, would do a round
   * that it has left out after a later one that it announced, and be taken for a liar.
   */
  commit(round: number, next = round + 1): void {
    const { store, metrics, log, neighbourhoods, ledger } = this.#parts;
    const record = this.#record(round);
    this.#state.tracks.keepOnly(neighbourhoods.at(next).neighbours);
    store.commitRound(this.#state.checkpoint(next, toJson(ledger.current)), record);
    this.#state.countRound(record);
    showRound(metrics, record);
    this.#parts.tell({ type: "round", ...record });
    log.info(
      {
        round: round + 1,
        of: neighbourhoods.rounds,
        loss: rounded(record.trainLoss),
        heldOut: record.heldOutLoss === null ? undefined : rounded(record.heldOutLoss),
        mixed: record.mixed.length,
        refused: record.refused.length,
        ...(record.agreed && { view: record.agreed.view, block: record.agreed.block.slice(0, 12) }),
      },
      "round done",
    );
    this.#state.beginRound();
  }

  /** Evaluates the final state on the test set, where there is one, and keeps the result. */
  async finish(): Promise<void> {
    const { learner, store, run, neighbourhoods, log } = this.#parts;
    const state = this.#state;
    if (learner.info.data.test.examples > 0) {
      state.evaluation = await learner.evaluate(state.adapter, "test");
    }
    const { evaluation } = state;
    const { rounds } = neighbourhoods;
    store.saveResult(run, { rounds, evaluation });
    log.info({ ...evaluation }, "run finished");
    const { mixedRounds, soloRounds } = state;
    if (neighbourhoods.everyNeighbour.length > 0 && soloRounds > mixedRounds) {
      log.warn(
        { mixedRounds, soloRounds },
        "most rounds were trained alone: this is not a joint result",
      );
    }
  }

  // --- internal ---

  #record(round: number): RoundRecord {
    const { network, book, clock, neighbourhoods } = this.#parts;
    const { neighbours } = neighbourhoods.at(round);
    const { round: underWay, heldOutLoss } = this.#state;
    const traffic = network.traffic();
    return {
      round,
      startedAt: underWay.startedAt,
      endedAt: clock.now(),
      trainLoss: this.#state.trainLoss ?? Number.NaN,
      heldOutLoss,
      announced: neighbours.filter((peer) => book.of(peer, round) !== undefined),
      mixed: underWay.mixed,
      refused: underWay.refused,
      bytesSent: traffic.sent - underWay.traffic.sent,
      bytesReceived: traffic.received - underWay.traffic.received,
      phases: underWay.phases,
      ...(underWay.agreed === null ? {} : { agreed: underWay.agreed }),
    };
  }
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
