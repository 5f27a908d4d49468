import type { NodeStatus, RoundRecord } from "../../node/records/records.ts";
import type { MachineNow } from "../../node/view/live/model.ts";
import { bytes, duration, loss, seconds } from "../words.ts";

/** The four numbers to look at first. */
export function Figures({
  status,
  rounds,
  machine,
}: {
  readonly status: NodeStatus;
  readonly rounds: readonly RoundRecord[];
  readonly machine: MachineNow;
}) {
  const { peers, heldOutLoss, trainLoss, bytesSent, bytesReceived } = status;
  const here = peers.filter(({ connected }) => connected).length;
  const each = secondsEach(rounds);
  const left = each === null ? null : Math.max(0, status.rounds - (status.roundsDone ?? 0)) * each;
  const isOver = status.state === "finished";
  return (
    <dl class="figures">
      <Figure
        name={heldOutLoss === null ? "Training loss" : "Held-out loss"}
        note="lower is better"
      >
        {loss(heldOutLoss ?? trainLoss)}
      </Figure>
      <Figure
        name="Round"
        note={
          each === null || isOver
            ? undefined
            : `${seconds(each)} each, about ${duration(left ?? 0)} left`
        }
      >
        {status.round} <small>of {status.rounds}</small>
      </Figure>
      <Figure name="Peers here" note={attackersText(status)}>
        {here} <small>of {peers.length}</small>
      </Figure>
      <Figure name="Sent" note={`${bytes(bytesReceived)} received${savedText(status, machine)}`}>
        {bytes(bytesSent)}
      </Figure>
    </dl>
  );
}

/** How many times fewer bytes an update takes than its numbers would; null where nothing is known of it. */
export function timesFewer({ costs }: NodeStatus, { adapterValues }: MachineNow): number | null {
  const payload = costs?.ways.find(({ isChosen }) => isChosen)?.payload;
  return payload === undefined || payload === 0 ? null : (4 * adapterValues) / payload;
}

// --- internal ---

function Figure({
  name,
  note,
  children,
}: {
  readonly name: string;
  readonly note?: string | undefined;
  readonly children: preact.ComponentChildren;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{children}</strong>
        {note === undefined ? null : <span class="note">{note}</span>}
      </dd>
    </div>
  );
}

function savedText(status: NodeStatus, machine: MachineNow): string {
  const times = timesFewer(status, machine);
  return times === null || times < 1.05 ? "" : `; ${times.toFixed(1)} times fewer than uncoded`;
}

function attackersText({ certifiedAttackers, mode }: NodeStatus): string {
  const many = certifiedAttackers === 0 ? "none of them" : `up to ${certifiedAttackers} of them`;
  return mode === "agreed" ? `${many} may lie` : `certified for ${certifiedAttackers} attackers`;
}

/** How long a round takes, by the last ones. */
function secondsEach(rounds: readonly RoundRecord[]): number | null {
  const [first, last] = [rounds[0], rounds.at(-1)];
  if (first === undefined || last === undefined) return null;
  return (last.endedAt - first.startedAt) / rounds.length / 1000;
}
