import { quorumOf } from "../../consensus/index.ts";
import { modeOf } from "../config/mode-of.ts";
import type { NodeStatus } from "../records/records.ts";
import { VERSION } from "../version.ts";
import { lackText } from "./agreed/silence-text.ts";
import { memberStatuses } from "./member-status.ts";
import type { RoundNeighbourhood } from "./neighbourhoods.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { RunDriver } from "./run-driver.ts";

/** What a status is put together from. */
export interface StatusSources {
  readonly parts: PeerParts;
  readonly driver: RunDriver;
  readonly startedAt: number;
  readonly stopping: boolean;
  readonly finished: boolean;
  readonly refusals: ReadonlyMap<string, number>;
}

/** The state of a node at this moment, as `/status` and `klatch status` show it. */
export function nodeStatus(sources: StatusSources): NodeStatus {
  const { parts, driver, startedAt, refusals } = sources;
  const { network, run } = parts;
  const { trainLoss, heldOutLoss, evaluation, mixedRounds, soloRounds } = driver.state;
  const { phase, round, waitingFor, deadline } = driver.describe();
  const hood = parts.neighbourhoods.at(round);
  const { sent, received } = network.traffic();
  const { info } = parts.learner;
  return {
    version: VERSION,
    peerId: network.peerId,
    run,
    addresses: network.addresses(),
    startedAt,
    state: stateOf(sources, hood),
    phase,
    phases: [...driver.state.round.phases],
    round,
    rounds: parts.neighbourhoods.rounds,
    mixedRounds,
    soloRounds,
    waitingFor,
    deadline,
    trainLoss,
    heldOutLoss,
    evaluation,
    adapter: driver.state.adapterDigest,
    ...agreementOf(sources, hood),
    model: { digest: info.modelDigest, origin: info.modelOrigin },
    data: info.data,
    bytesSent: sent,
    bytesReceived: received,
    costs: parts.costs,
    peers: memberStatuses(parts, driver, hood),
    strangers: parts.acquaintances.strangers,
    refusals: Object.fromEntries(refusals),
  };
}

// --- internal ---

/** Mode and rule, what these bear, and how far members have agreed. */
function agreementOf(
  { parts, driver }: StatusSources,
  { members, attackersMax, certificate }: RoundNeighbourhood,
): Pick<NodeStatus, "mode" | "agreed" | "rule" | "attackersMax" | "certifiedAttackers"> {
  const { run } = parts.config;
  const known = driver.describeAgreed();
  if (known === null) {
    const { rule } = run;
    const certifiedAttackers = certificate.attackersMax;
    return { mode: modeOf(run), agreed: null, rule, attackersMax, certifiedAttackers };
  }
  const { view, proposer, ballots, votes, quorum, blocks, head } = known;
  const { member, changes, contradicted, decided, silence } = known;
  const rest = {
    ...(member ? {} : { member }),
    ...(changes > 0 ? { changes } : {}),
    ...(decided.newest === null ? {} : { decided: decided.newest }),
    ...(contradicted.length > 0 ? { contradicted: [...contradicted] } : {}),
    ...(silence === null
      ? {}
      : { silence: { ...silence, lack: silence.lack && lackText(silence.lack) } }),
  };
  const headAt = blocks === 0 ? null : driver.state.lastEndedAt;
  const { faulty } = quorumOf(members.length);
  return {
    mode: modeOf(run),
    agreed: { view, proposer, ballots, votes, quorum, blocks, head, headAt, ...rest },
    ...{ rule: run.agreedRule, attackersMax: faulty, certifiedAttackers: faulty },
  };
}

function stateOf(
  { stopping, finished, parts, driver }: StatusSources,
  { neighbours }: RoundNeighbourhood,
): NodeStatus["state"] {
  if (stopping) return "stopping";
  if (finished) return "finished";
  const connected = new Set(parts.network.peers().map(({ peer }) => peer));
  if (neighbours.length === 0 || neighbours.some((peer) => connected.has(peer))) return "running";
  return driver.state.mixedRounds > 0 ? "alone" : "joining";
}
