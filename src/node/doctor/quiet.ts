import { url as inspectorUrl } from "node:inspector";
import {
  type HubOptions,
  parseHubModel,
  switchTelemetryOff,
  TELEMETRY_SWITCH,
  telemetryLeftovers,
} from "../../training/index.ts";
import type { Config } from "../config/config.ts";
import { proxySettings } from "../config/proxy.ts";
import { filesGiven } from "../sharing/run-model.ts";
import { totalBytes } from "../sharing/shared-files.ts";
import { bytes } from "../view/table.ts";
import { type Finding, fail, pass, warn } from "./check.ts";

/** One kind of thing that leaves this machine. */
interface Sent {
  readonly to: string;
  readonly what: string;
}

/** The finding with its parts for programs. */
export interface QuietFinding extends Finding {
  /** What is switched off. */
  readonly off: readonly string[];
  /** What a run with this configuration sends, and where. */
  readonly sent: readonly Sent[];
}

/** What is switched off, and what would be sent where. */
export function checkQuiet(config: Config, hub: HubOptions): QuietFinding {
  const sent = [
    ...toHub(config, hub),
    ...toMembers(config),
    ...toJoiners(config),
    ...toReaders(config),
    ...TO_SYSTEM,
  ];
  const off = isWindows ? [] : [`usage data of ONNX Runtime (${TELEMETRY_SWITCH}=1)`];
  const detail =
    `off: ${off.join(", ") || "nothing"}; sent: ` +
    (sent.map(({ to, what }) => `${what} to ${to}`).join("; ") || "nothing");
  return { ...trouble(detail), off, sent };
}

// --- internal ---

const isWindows = process.platform === "win32";

const TO_SYSTEM: readonly Sent[] = isWindows
  ? [{ to: "the event tracing of Windows", what: "ONNX Runtime's usage events, without a switch" }]
  : [];

function trouble(detail: string): Finding {
  if (!switchTelemetryOff()) {
    return fail("ONNX Runtime's usage data is not switched off", "report this: it is a bug");
  }
  if (inspectorUrl() !== undefined) {
    return warn(`${detail}; an inspector is open`, "start without --inspect");
  }
  const leftovers = telemetryLeftovers();
  if (leftovers.length > 0) {
    const found = `ONNX Runtime left an identifier or usage data here earlier: ${leftovers.join(", ")}`;
    return warn(`${detail}; ${found}`, removal(leftovers));
  }
  return pass(detail);
}

/** One command, with the many logs as a pattern. */
function removal(leftovers: readonly string[]): string {
  const patterns = leftovers.map((path) => path.replace(/mat-debug-\d+\.log$/, "mat-debug-*.log"));
  return `rm -r ${[...new Set(patterns)].join(" ")}`;
}

function toHub({ model }: Config, hub: HubOptions): readonly Sent[] {
  if (parseHubModel(model) === null || hub.offline) return [];
  const { endpoint, token } = hub;
  const what = `the model's name${token === undefined ? "" : " and your token"}, once`;
  const by = proxySettings(process.env) === null ? "" : " (through the proxy of the environment)";
  return [{ to: `${endpoint}${by}`, what }];
}

function toMembers({ run, network }: Config): readonly Sent[] {
  if (run.members.length < 2) return [];
  const what = "signed announcements and adapter updates";
  return [{ to: `the ${run.members.length - 1} other members`, what }].concat(
    network.bootstrap.map((address) => ({ to: address, what: "connections" })),
  );
}

function toJoiners(config: Config): readonly Sent[] {
  const files = filesGiven(config, config.dataDir);
  if (files === null) return [];
  const what = `the ${files.length} files of the model, ${bytes(totalBytes(files))}`;
  return [{ to: "members of the run that ask for them", what }];
}

function toReaders({ status: { enabled, host, port } }: Config): readonly Sent[] {
  if (!enabled) return [];
  return [{ to: `whoever asks at ${host}:${port}`, what: "the state of the node" }];
}
