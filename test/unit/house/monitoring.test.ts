import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../../src/node/config/load.ts";
import { statusTokenFile } from "../../../src/node/folders/data-folder.ts";
import { createMetrics, showStatus } from "../../../src/node/peer/metrics.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { sampleStatus } from "../node/node-samples.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
const kit = (name: string) => text(`testnet/monitoring/${name}`);
const PROMTOOL = "/usr/bin/promtool";

interface Rule {
  readonly alert: string;
  readonly expr: string;
}
interface Panel {
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly targets: readonly { readonly expr: string }[];
}

const rules: readonly Rule[] = parse(kit("alerts.yml")).groups.flatMap(
  ({ rules: some }: { readonly rules: readonly Rule[] }) => some,
);
const panelsOf = (name: string): readonly Panel[] => JSON.parse(kit(name)).panels;
const DASHBOARDS = ["network.json", "peer.json"];
const told = [
  ...rules.map(({ expr }) => expr),
  ...DASHBOARDS.flatMap(panelsOf).flatMap(({ targets }) => targets.map(({ expr }) => expr)),
];

/** What Prometheus adds to each series, and `peer` of the kit's own configuration. */
const ADDED = ["job", "instance", "peer", "le"];

/** The labels of every series that a node has, by name. */
async function series(): Promise<ReadonlyMap<string, readonly string[]>> {
  const metrics = createMetrics();
  showStatus(metrics, sampleStatus());
  const all = await metrics.registry.getMetricsAsJSON();
  return new Map([
    ["up", ADDED],
    ...all.flatMap(({ name, type, values }): [string, readonly string[]][] => {
      const labels = [...ADDED, ...values.flatMap((value) => Object.keys(value.labels))];
      const parts = ["bucket", "sum", "count"].map((part) => `${name}_${part}`);
      return (String(type) === "histogram" ? parts : [name]).map((one) => [one, labels]);
    }),
  ]);
}

/** Series that an expression names, each with the labels by which it chooses. */
function named(expr: string): readonly (readonly [string, readonly string[]])[] {
  return [...expr.matchAll(/\b((?:klatch|nodejs|process)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = "", chosen = ""]) =>
      [name, [...chosen.matchAll(/(\w+)[!=]~?"/g)].map(([, label = ""]) => label)] as const,
  );
}

async function unknownIn(exprs: readonly string[]): Promise<readonly string[]> {
  const known = await series();
  return exprs.flatMap(named).flatMap(([name, labels]) => {
    const have = known.get(name);
    if (have === undefined) return [name];
    return labels.filter((label) => !have.includes(label)).map((label) => `${name}: ${label}`);
  });
}

test("alerts and dashboards name metrics and labels that there are", async () => {
  expect(told.length).toBeGreaterThan(40);
  expect(told.every((expr) => named(expr).length > 0)).toBe(true);
  expect(await unknownIn(told)).toEqual([]);
});

test("a metric and a label that there are not are found (control)", async () => {
  expect(await unknownIn(['klatch_nothing{peer="1"} > 0', 'up{colour="red"}'])).toEqual([
    "klatch_nothing",
    "up: colour",
  ]);
  expect(await unknownIn(["klatch_consensus_round_seconds"])).toHaveLength(1);
});

test("every alert has a name of its own, and a line in the handbook that says what to do", () => {
  const names = rules.map(({ alert }) => alert);
  const handbook = text("docs/OPERATING.md");
  expect(names.length).toBeGreaterThan(8);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names)
    expect(handbook, name).toMatch(new RegExp(`^\\| \`${name}\` \\| .{20,} \\|$`, "m"));
  const lines = [...handbook.matchAll(/^\| `(Klatch\w+)` \|/gm)].map(([, name]) => name);
  expect(lines.sort()).toEqual(names.sort());
});

test.each(DASHBOARDS)("the panels of %s have numbers of their own, within the page", (name) => {
  const panels = panelsOf(name);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
});

const compose = parse(text("testnet/compose.yaml"), { merge: true });
const services: Readonly<Record<string, Service>> = compose.services;
interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly networks: { readonly peers: { readonly ipv4_address?: string } };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: object;
}

test("the compose file mounts files that there are, waits for services that there are, and is for this machine alone", () => {
  expect(Object.keys(services)).toHaveLength(7);
  for (const [name, { image, volumes = [], ports = [], depends_on = {} }] of Object.entries(
    services,
  )) {
    expect(image, name).toMatch(/^(klatch|[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+)$/);
    for (const volume of volumes) {
      const [from = ""] = volume.split(":");
      const isThere = from.startsWith("./")
        ? existsSync(join(ROOT, "testnet", from))
        : from in compose.volumes;
      expect(isThere, `${name}: ${volume}`).toBe(true);
    }
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    const awaited = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
    expect(awaited.every((other) => other in services)).toBe(true);
  }
  for (const [, path = ""] of text("Dockerfile").matchAll(
    /^COPY (?!--from)(\S+(?: \S+)*) \S+$/gm,
  )) {
    for (const one of path.split(" ")) expect(existsSync(join(ROOT, one)), one).toBe(true);
  }
});

test("what is prepared for the compose file is what its peers start with, and what Prometheus asks", () => {
  const folder = join(temporaryFolder(), "network");
  const { prepare } = services;
  const [, program = "", place = "", prefix = ""] = prepare?.entrypoint ?? [];
  const source = program.replace("/app/dist/", "").replace(/js$/, "ts");
  execFileSync(process.execPath, [join(ROOT, source), folder, prefix], { cwd: ROOT });
  const scraped = parse(kit("prometheus.yml")).scrape_configs;
  expect(scraped).toHaveLength(4);
  for (const number of [1, 2, 3, 4]) {
    const { command = [], networks } = services[`peer-${number}`] ?? ({} as Service);
    const address = networks.peers.ipv4_address;
    const file = String(command.at(-1)).replace(place, folder);
    const config = loadConfig({ file, env: {} });
    expect(command.slice(0, 2)).toEqual(["start", "--config"]);
    expect(config.network.listen).toEqual([`/ip4/${address}/tcp/4001`]);
    expect(config.network.bootstrap).toHaveLength(3);
    expect(config.status).toMatchObject({ host: address, allowRemote: true });
    const {
      authorization,
      static_configs: [{ targets }],
    } = scraped[number - 1];
    expect(targets).toEqual([`${address}:${config.status.port}`]);
    expect(authorization.credentials_file).toBe(
      statusTokenFile(config.dataDir).replace(folder, place),
    );
  }
});

test.skipIf(!existsSync(PROMTOOL))(
  "Prometheus takes the rules and its configuration (/usr/bin/promtool)",
  () => {
    const folder = join(ROOT, "testnet/monitoring");
    const check = (...args: readonly string[]) =>
      execFileSync(PROMTOOL, ["check", ...args], { cwd: folder, encoding: "utf8" });
    expect(check("rules", "alerts.yml")).toContain(`${rules.length} rules found`);
    expect(check("config", "--syntax-only", "prometheus.yml")).toContain("SUCCESS");
  },
);
