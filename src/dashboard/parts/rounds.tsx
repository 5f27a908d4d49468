import type { NodeStatus, RoundRecord } from "../../node/records/records.ts";
import type { Phase } from "../../types.ts";
import { bytes, counted, PHASE_WORDS, seconds, short } from "../words.ts";
import { Section } from "./section.tsx";

interface Span {
  readonly phase: Phase;
  readonly seconds: number;
}

/** The last rounds and the open one, each as its phases one after another. */
export function Rounds({
  status,
  rounds,
}: {
  readonly status: NodeStatus;
  readonly rounds: readonly RoundRecord[];
}) {
  const done = rounds.filter(({ phases }) => phases !== undefined && phases.length > 0);
  const open = openSpans(status);
  const lengths = [...done.map(lengthOf), open.reduce((sum, span) => sum + span.seconds, 0)];
  const longest = Math.max(1e-3, ...lengths);
  return (
    <Section
      id="rounds"
      title="Rounds"
      note={status.waitingFor.length === 0 ? null : <Waiting status={status} />}
      wide
    >
      <ol class="rounds">
        {done.map((record) => (
          <Row key={record.round} name={record.round} spans={spansOf(record)} longest={longest}>
            {outcomeOf(record)}
          </Row>
        ))}
        {open.length === 0 || status.phase === "done" ? null : (
          <Row name={status.round} spans={open} longest={longest} isOpen>
            {PHASE_WORDS[status.phase]}
          </Row>
        )}
      </ol>
      <ul class="legend">
        {Object.entries(PHASE_WORDS)
          .filter(([phase]) => phase !== "done" && phase !== UNUSED[status.mode])
          .map(([phase, words]) => (
            <li key={phase}>
              <span class={`key ${phase}`} aria-hidden="true" />
              {words}
            </li>
          ))}
      </ul>
    </Section>
  );
}

// --- internal ---

/** The phase that a mode does not have. */
const UNUSED = { gossip: "vote", agreed: "mix" } as const;

function Row({
  name,
  spans,
  longest,
  isOpen = false,
  children,
}: {
  readonly name: number;
  readonly spans: readonly Span[];
  readonly longest: number;
  readonly isOpen?: boolean;
  readonly children: string;
}) {
  const words = spans.map((span) => `${span.phase} ${seconds(span.seconds)}`).join(", ");
  return (
    <li class={isOpen ? "open" : ""}>
      <span class="number">{name}</span>
      <span class="bar" role="img" aria-label={`round ${name}: ${words}`}>
        {spans.map((span, index) => (
          <span
            key={index}
            class={`span ${span.phase}`}
            style={{ width: `${(100 * span.seconds) / longest}%` }}
            title={`${span.phase} ${seconds(span.seconds)}`}
          />
        ))}
      </span>
      <span class="outcome">{children}</span>
    </li>
  );
}

function lengthOf({ phases = [], endedAt }: RoundRecord): number {
  return (endedAt - (phases[0]?.at ?? endedAt)) / 1000;
}

function spansOf({
  phases = [],
  endedAt,
}: Pick<RoundRecord, "phases" | "endedAt">): readonly Span[] {
  return phases.map(({ phase, at }, index) => ({
    phase,
    seconds: Math.max(0, (phases[index + 1]?.at ?? endedAt) - at) / 1000,
  }));
}

function openSpans({ phases = [] }: NodeStatus): readonly Span[] {
  return spansOf({ phases, endedAt: Date.now() });
}

function outcomeOf({ mixed, refused, agreed, bytesSent, startedAt, endedAt }: RoundRecord): string {
  const what =
    agreed === undefined
      ? `${mixed.length} mixed`
      : `${agreed.cut} counted${agreed.view > 0 ? `, view ${agreed.view}` : ""}`;
  const not = refused.length === 0 ? "" : `, ${refused.length} refused`;
  return `${seconds((endedAt - startedAt) / 1000)}, ${what}${not}, ${bytes(bytesSent)} sent`;
}

/** Peers named at once; the others are counted. */
const NAMED_MAX = 3;

function Waiting({ status }: { readonly status: NodeStatus }) {
  const { waitingFor, deadline } = status;
  const more = waitingFor.length - NAMED_MAX;
  return (
    <>
      waits for{" "}
      {waitingFor.slice(0, NAMED_MAX).map((peer) => (
        <bdi key={peer}>{short(peer)} </bdi>
      ))}
      {more > 0 ? `and ${counted(more, "other")} ` : ""}
      {deadline === null ? "" : `until ${new Date(deadline).toLocaleTimeString()}`}
    </>
  );
}
