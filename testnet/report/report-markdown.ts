import { describeCosts } from "../../src/node/view/cost-table.ts";
import { mean, numberText, percentText, secondsText } from "../../src/node/view/quantities.ts";
import { aligned, bytes, markdownTable, short } from "../../src/node/view/table.ts";
import type { PeerReport, Quality, TestnetReport } from "./report-shape.ts";

type Row = readonly string[];

/** The report as text for a terminal. */
export function reportText(report: TestnetReport): string {
  const rows = comparisonRows(report);
  const comparison = aligned([comparisonHeader(report), ...rows], {
    gap: 3,
    isRight: (column) => column > 0,
  });
  return [
    ...(rows.length === 0 ? [] : [...comparison, ""]),
    ...summaryLines(report).map((line) => `  ${line}`),
  ].join("\n");
}

/** The report as Markdown. */
export function reportMarkdown(report: TestnetReport): string {
  const { options } = report;
  return `${[
    "# Klatch testnet",
    "",
    `${report.peers.length} peers, ${options.rounds} rounds of ${options.steps} steps, rule \`${report.rule}\`, topology \`${options.topology}\`, seed ${options.seed}. Model \`${options.model}\`; ${report.testRows} test examples.`,
    "",
    "![loss by round and the comparison](report.png)",
    "",
    ...comparisonSection(report),
    ...summaryLines(report).map((line) => `- ${line}`),
    "",
    "## Peers",
    "",
    markdownTable(
      [
        "#",
        "organisation",
        "peer",
        "role",
        "rows",
        "rounds",
        "sent",
        "received",
        "test loss",
        "exact match",
        "standing",
      ],
      report.peers.map(peerRow),
    ),
    "",
    "Standing is what most honest peers think of a peer. Test loss is that of its own final state.",
    "",
    ...evidenceSection(report),
    ...incidentSection(report),
    "## Options",
    "",
    "```json",
    JSON.stringify(options, null, 2),
    "```",
    "",
    `Klatch ${report.klatch}, Node ${report.node}, started ${report.startedAt}, run \`${report.run}\`.`,
  ].join("\n")}\n`;
}

// --- internal ---

function comparisonHeader({ options }: TestnetReport): Row {
  const match = options.task === "classification" ? "accuracy" : "exact match";
  return ["on the common test set", "loss", "perplexity", match];
}

function comparisonSection(report: TestnetReport): string[] {
  const rows = comparisonRows(report);
  return rows.length === 0 ? [] : [markdownTable(comparisonHeader(report), rows), ""];
}

/** The comparison that a run is about, as rows of text under `comparisonHeader`. */
function comparisonRows(report: TestnetReport): Row[] {
  const rows: (readonly [string, Quality | null])[] = [
    ["base model", report.base],
    ["local only (mean of honest peers)", report.localOnly],
    ["federated (mean of honest peers)", report.federated],
    ["centralised (all data in one place)", report.centralised],
  ];
  return rows.flatMap(([name, quality]) =>
    quality === null
      ? []
      : [
          [
            name,
            numberText(quality.loss),
            numberText(quality.perplexity, 2),
            percentText(quality.exactMatch),
          ],
        ],
  );
}

function summaryLines(report: TestnetReport): string[] {
  const attack =
    report.attack === null
      ? "no attackers"
      : `${report.attackers} ${report.attackers === 1 ? "attacker" : "attackers"} (${report.attack})`;
  return [
    ...interruptionLines(report),
    `${bytes(report.bytesPerPeerRound)} sent per peer and round`,
    ...(report.costs === null ? [] : [`updates as ${describeCosts(report.costs)}`]),
    `${secondsText(report.seconds)} from start to ${report.interrupted ? "the signal" : "the last evaluation"}`,
    `${attack}; ${report.rule} on this topology is certified against ${report.certifiedAttackers}`,
    ...agreementLines(report),
    ...incidentLines(report),
    ...expectationLines(report),
  ];
}

/** What members of a run in mode agreed ended with, and what a quorum signed of it. */
function agreementLines({ certificates, agreed, digests, options }: TestnetReport): string[] {
  if (certificates === null) return [];
  const all = Object.values(digests);
  const ends = agreed
    ? `every honest peer ended with the same adapter, ${all[0]?.slice(0, 12)}`
    : `honest peers ended with ${new Set(all).size} different adapters`;
  const { rounds, medianMs, worstMs, bytes: size } = certificates;
  const times = medianMs === null ? "" : `, in ${medianMs} ms (median; ${worstMs} at worst)`;
  return [ends, `${rounds} of ${options.rounds} rounds certified${times}, ${bytes(size)} each`];
}

/** How far a run came that a signal ended. */
function interruptionLines({ interrupted, options, peers }: TestnetReport): string[] {
  if (!interrupted) return [];
  const honest = peers.filter(({ role }) => role === "honest");
  const rounds = honest.map((peer) => peer.rounds);
  const [least, most] = [Math.min(...rounds), Math.max(...rounds)];
  const done = least === most ? `${least}` : `${least} to ${most}`;
  const heldOut = mean(honest.flatMap(({ curve }) => curve.at(-1)?.heldOutLoss ?? []));
  return [
    `interrupted: ${done} of ${options.rounds} rounds done, nothing evaluated on the common test set`,
    `held-out loss ${numberText(heldOut)} after the last of them (mean of honest peers, each on rows of its own)`,
  ];
}

/** One line for each kind of incident, with its peers. */
function incidentLines({ incidents }: TestnetReport): string[] {
  const kinds = [...new Set(incidents.map(({ what }) => what))];
  return kinds.map((kind) => {
    const peers = incidents.filter(({ what }) => what === kind).map(({ peer }) => peer);
    return `${peers.length === 1 ? "peer" : "peers"} ${peers.join(", ")}: ${kind}`;
  });
}

function expectationLines({ expectations }: TestnetReport): string[] {
  return expectations.map(
    ({ what, isMet, found }) => `${isMet ? "met" : "NOT MET"}: ${what} (${found})`,
  );
}

function peerRow(peer: PeerReport): Row {
  return [
    String(peer.index + 1),
    peer.label,
    `\`${short(peer.id)}\``,
    peer.role,
    String(peer.rows),
    String(peer.rounds),
    bytes(peer.bytesSent),
    bytes(peer.bytesReceived),
    numberText(peer.loss),
    percentText(peer.exactMatch),
    peer.standing,
  ];
}

/** How often which peer was held what against, by how many observers. */
function evidenceSection(report: TestnetReport): string[] {
  const counts = new Map<string, { count: number; observers: Set<string> }>();
  for (const { peer, kind, observer } of report.evidence) {
    const key = `${peer} ${kind}`;
    const entry = counts.get(key) ?? { count: 0, observers: new Set() };
    entry.count += 1;
    entry.observers.add(observer);
    counts.set(key, entry);
  }
  if (counts.size === 0) return ["## Evidence", "", "None.", ""];
  const rows = [...counts].map(([key, { count, observers }]): Row => {
    const [id = "", kind = ""] = key.split(" ");
    const peer = report.peers.find((other) => other.id === id);
    const name = peer === undefined ? short(id) : `${peer.index + 1} ${peer.label}`;
    return [name, peer?.role ?? "", kind, String(count), String(observers.size)];
  });
  const header = ["against", "role", "kind", "times", "observers"];
  return ["## Evidence", "", markdownTable(header, rows), ""];
}

function incidentSection(report: TestnetReport): string[] {
  if (report.incidents.length === 0) return [];
  const rows = report.incidents.map(({ peer, round, what }) => [String(peer), String(round), what]);
  return ["## Incidents", "", markdownTable(["peer", "round", "what"], rows), ""];
}
