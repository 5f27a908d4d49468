import type { NodeStatus } from "../../node/records/records.ts";
import type { MachineNow } from "../../node/view/live/model.ts";
import { bytes, duration } from "../words.ts";
import { timesFewer } from "./figures.tsx";
import { Section } from "./section.tsx";

/** What the node runs on, and what it takes. */
export function MachineFacts({
  machine,
  status,
}: {
  readonly machine: MachineNow;
  readonly status: NodeStatus;
}) {
  const { engine, parameters, training, process } = machine;
  const way = status.costs?.ways.find(({ isChosen }) => isChosen);
  const times = timesFewer(status, machine);
  const facts: readonly (readonly [string, string])[] = [
    ["Engine", engine],
    ["Base model", `${millions(parameters)} parameters`],
    [
      "Training",
      `${bytes(training.total)} at most${training.available === null ? "" : ` of ${bytes(training.available)}`}`,
    ],
    ["Process", `${bytes(process.residentBytes)}, up for ${duration(process.uptimeSeconds)}`],
    ...(process.diskFreeBytes === null
      ? []
      : [["Disk", `${bytes(process.diskFreeBytes)} free`] as const]),
    ...(way === undefined || times === null
      ? []
      : [
          [
            "An update",
            `${bytes(way.payload)} as ${way.codec}, ${bytes(4 * machine.adapterValues)} uncoded`,
          ] as const,
        ]),
    ["Rule", `${status.rule}, mode ${status.mode}`],
    ["Klatch", status.version],
  ];
  return (
    <Section id="machine" title="Machine">
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

// --- internal ---

function millions(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} billion`;
  return count >= 1e6
    ? `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} million`
    : `${Math.round(count / 1e3)} thousand`;
}
