import { createMetrics } from "../../src/node/peer/metrics.ts";
import { markdownTable } from "../../src/node/view/table.ts";

const HEAD = `# Metrics

What \`/metrics\` of a node tells Prometheus. Rounds are counted from 1. Labels come from closed sets and never name a peer. Counters are there from the
start, at 0. The process and Node have the names that dashboards know (\`process_...\`, \`nodejs_...\`). Made from the code by \`node scripts/references.ts\`.
`;

/** Every metric of klatch with its kind, labels and meaning. */
export async function metricReference(): Promise<string> {
  const all = await createMetrics().registry.getMetricsAsJSON();
  const rows = all
    .filter(({ name }) => name.startsWith("klatch_"))
    .map(({ name, type, help, values }) => [
      ...[`\`${name}\``, String(type), labelsOf(values), help],
    ])
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return `${HEAD}\n${markdownTable(["metric", "kind", "labels", "what"], rows)}\n`;
}

// --- internal ---

/** The bounds of a histogram's buckets are no label to choose by. */
function labelsOf(values: readonly { readonly labels: object }[]): string {
  const names = new Set(values.flatMap(({ labels }) => Object.keys(labels)));
  return [...names].filter((name) => name !== "le").join(", ");
}
