/** One metric as Prometheus reads it. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Names of its samples. */
  readonly samples: readonly string[];
}

/** Reads Prometheus's text format (github.com/prometheus/docs, "Exposition formats"). */
export function parseExposition(text: string): readonly Family[] {
  const families = new Map<string, { type: string; help: string; samples: string[] }>();
  let current = "";
  const family = (name: string) => {
    const known = families.get(name) ?? { type: "untyped", help: "", samples: [] };
    families.set(name, known);
    return known;
  };
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword !== undefined) {
      current = name;
      family(name)[keyword === "HELP" ? "help" : "type"] = rest;
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? \S+$/.exec(line)?.[1];
    if (sample === undefined) throw new Error(`no sample: ${line}`);
    family(sample.startsWith(current) ? current : sample).samples.push(sample);
  }
  return [...families].map(([name, rest]) => ({ name, ...rest }));
}

const UNITS =
  /_(ms|us|ns|s|sec|secs|min|h|hrs|kb|mb|gb|kib|mib|gib|b|milliseconds|minutes|percent)(_total)?$/;

/** What promtool's linter says of a metric (github.com/prometheus/client_golang, promlint/validations). */
export function complaints({ name, type, help, samples }: Family): readonly string[] {
  const found: string[] = [];
  const isTotal = name.endsWith("_total");
  if (help === "") found.push("no help");
  if (type === "untyped") found.push("no type");
  if (type === "counter" && !isTotal) found.push("a counter without _total");
  if (type !== "counter" && isTotal) found.push(`a ${type} by the name of a counter`);
  if (/_(count|sum|bucket)$/.test(name)) found.push("a name reserved for parts of histograms");
  if (/(^|_)(gauge|counter|histogram|summary|info_total)(_|$)/.test(name))
    found.push("a type in its name");
  if (/[A-Z:]/.test(name)) found.push("capitals or colons");
  if (UNITS.test(name)) found.push("an abbreviated unit");
  const parts =
    type === "histogram"
      ? ["_bucket", "_sum", "_count"]
      : type === "summary"
        ? ["", "_sum", "_count"]
        : [""];
  if (samples.some((sample) => !parts.includes(sample.slice(name.length))))
    found.push("a sample of another name");
  return found.map((what) => `${name}: ${what}`);
}
