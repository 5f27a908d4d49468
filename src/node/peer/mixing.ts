import {
  adoptedState,
  type Candidate,
  difference,
  outerTermsOf,
  sampled,
  usable,
} from "../../consensus/index.ts";
import { shareFactor } from "../../reputation/index.ts";
import type { Evidence, EvidenceKind, PeerId } from "../../types.ts";
import { judgeAndMix, lossIfBearable } from "./judging.ts";
import { moveOn } from "./moving-on.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerState } from "./peer-state.ts";
import { SentBefore } from "./sent-before.ts";

/**
 * Candidates of a round below which a veto keeps one out of the mix and is held against nobody: of two with other
 * data than one's own, one always looks the worse, and honest peers would isolate one another.
 */
const JUDGED_TOGETHER_MIN = 3;

/** Makes the next state from the own update and the states that arrived. */
export class Mixing {
  readonly #parts: PeerParts;
  readonly #state: PeerState;
  readonly #sent = new SentBefore();

  constructor(parts: PeerParts, state: PeerState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** Judges and mixes the states that arrived from these peers. Returns the evidence of the judgement against some of them. */
  async mix(round: number, peers: readonly PeerId[]): Promise<readonly Evidence[]> {
    const { learner, config, neighbourhoods, updates, log } = this.#parts;
    const { attackersMax } = neighbourhoods.at(round);
    const state = this.#state;
    const update = state.updateOf(round);
    state.round.fetching.abort();
    const { adapter: start, velocity } = state;
    const { adapter: own } = update;
    const outcome = await judgeAndMix(learner, {
      round,
      own,
      candidates: this.#candidates(round, peers, (told) => updates.toMix(state.memory, own, told)),
      rule: config.run.rule,
      attackersMax,
      gate: config.gate,
      trained: neighbourhoods.examplesIn(round),
      heldOutBefore: state.heldOutLoss,
    });
    const mixed = { start, own, outcome, velocity };
    const next = await moveOn(learner, mixed, {
      outer: outerTermsOf(config.run, "gossip"),
      gate: config.gate,
    });
    state.adapter = next.adapter;
    state.velocity = next.velocity;
    state.optimizer = update.optimizer;
    state.heldOutLoss = next.heldOutLoss;
    state.round.mixed = outcome.mixed;
    log.debug({ round: round + 1, gains: Object.fromEntries(outcome.gains) }, "gate");
    if (outcome.refusedMix)
      log.warn({ round: round + 1 }, "the mix would ruin the held-out loss: not taken");
    if (next.refusedStep)
      log.warn({ round: round + 1 }, "the outer step would ruin the held-out loss: not taken");
    for (const peer of outcome.vetoed) state.round.refused.push({ peer, reason: "gate-veto" });
    const unlearnt = this.#unlearnt(peers, start, own);
    if (outcome.gains.size < JUDGED_TOGETHER_MIN) return [];
    const vetoed = outcome.vetoed.map((peer) => {
      const gain = outcome.gains.get(peer) ?? 0;
      return this.#opinion(peer, round, "gate-veto", `gain ${gain.toPrecision(3)}`);
    });
    // one opinion of a peer in a round is enough: the test of opinions bets once a round
    const others = [...unlearnt].filter(([peer]) => !outcome.vetoed.includes(peer));
    return [...vetoed, ...others.map(([peer, why]) => this.#opinion(peer, round, "unlearnt", why))];
  }

  /** Takes over the state that these peers support, unless it is ruinously worse on the node's own examples. */
  async adopt(round: number, peers: readonly PeerId[]): Promise<void> {
    const { learner, config, neighbourhoods, updates, log } = this.#parts;
    const { attackersMax } = neighbourhoods.at(round);
    const state = this.#state;
    state.round.fetching.abort();
    const states = usable(this.#candidates(round, peers, (told) => told));
    const adopted = adoptedState(states, attackersMax);
    const taken =
      adopted && (await lossIfBearable(learner, config.gate, state.adapter, adopted.state));
    if (!(adopted && taken)) {
      log.warn(
        { round: round + 1, peers: peers.length },
        "late, and no state of others to go on from",
      );
      return;
    }
    state.adapter = adopted.state;
    state.velocity = null;
    state.memory = updates.takeOver(state.memory, adopted.state);
    state.heldOutLoss = taken.loss;
    state.round.mixed = adopted.peers.map((peer) => ({ peer, share: 1 / adopted.peers.length }));
    log.info(
      { round: round + 1, states: adopted.peers.length },
      "late: goes on from the state of others",
    );
  }

  // --- internal ---

  /** Every neighbour as a candidate. Those that are not to be mixed have no state. */
  #candidates(
    round: number,
    peers: readonly PeerId[],
    seen: (told: Float32Array) => Float32Array,
  ): readonly Candidate[] {
    const { neighbourhoods, ledger } = this.#parts;
    const { neighbours, shares } = neighbourhoods.at(round);
    const { arrived } = this.#state.round;
    const wanted = new Set(peers);
    return neighbours.map((peer) => {
      const told = wanted.has(peer) ? arrived.get(peer) : undefined;
      return {
        peer,
        state: told === undefined ? null : seen(told),
        share: shares.get(peer) ?? 0,
        trust: shareFactor(ledger.current, peer),
      };
    });
  }

  /**
   * Whose update looks like nothing that was learnt: how far each state is from where this node's own training began.
   * That is compared with the rounds before, so of neighbours that stay only: states of others are far off by themselves.
   */
  #unlearnt(
    peers: readonly PeerId[],
    start: Float32Array,
    own: Float32Array,
  ): ReadonlyMap<PeerId, string> {
    const { network, neighbourhoods } = this.#parts;
    if (neighbourhoods.isVarying) return new Map();
    const from = sampled(start);
    const updateOf = (state: Float32Array) => difference(sampled(state), from);
    const updates = new Map([[network.peerId, updateOf(own)]]);
    for (const peer of peers) {
      const told = this.#state.round.arrived.get(peer);
      if (told !== undefined) updates.set(peer, updateOf(told));
    }
    const found = new Map(this.#sent.judge(updates));
    found.delete(network.peerId);
    return found;
  }

  #opinion(peer: PeerId, round: number, kind: EvidenceKind, detail: string): Evidence {
    return { peer, round, kind, at: this.#parts.clock.now(), detail };
  }
}
