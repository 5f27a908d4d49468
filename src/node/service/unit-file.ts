import { type ErrorCode, EXIT_CODES } from "../../errors.ts";

/** A node as systemd is to run it. */
export interface ServiceUnit {
  /** Of all users, or of the one who calls: what a user's own manager can do is less. */
  readonly scope: "system" | "user";
  /** The program, its script and its words; paths are absolute. */
  readonly command: readonly string[];
  readonly folder: string;
  /** What the node writes, besides its own folder of temporary files. */
  readonly writable: readonly string[];
  /** Who the node runs as, by number; of a user's own unit nobody else. */
  readonly uid: number;
  /** Milliseconds that a stop may take. */
  readonly stopMs: number;
}

/** The first line of each unit that this makes; what begins otherwise is somebody else's. */
export const MADE_BY = "# Made by `klatch service install`";

/** What starting again does not mend: the operator has to. */
const LASTING: readonly ErrorCode[] = [
  ...(["usage", "data", "permission", "incompatible", "diverged", "locked"] as const),
];

/**
 * The text of a unit for systemd: started with the machine or the session, again after a failure that may pass, stopped
 * as Ctrl-C stops, and kept from what a node does not need. What it may run, Node makes while it runs: so memory may
 * be written and then run, and devices are left for GPUs.
 */
export function unitFile(unit: ServiceUnit): string {
  const { scope, command, folder, stopMs } = unit;
  return [
    MADE_BY,
    "[Unit]",
    "Description=Klatch node",
    "Documentation=man:klatch(1)",
    "Wants=network-online.target",
    "After=network-online.target",
    "StartLimitIntervalSec=600",
    "StartLimitBurst=10",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${command.map(word).join(" ")}`,
    `WorkingDirectory=${specifiers(folder)}`,
    ...(scope === "system" ? [`User=${unit.uid}`] : []),
    "Restart=on-failure",
    "RestartSec=10",
    `RestartPreventExitStatus=${LASTING.map((code) => EXIT_CODES[code]).join(" ")}`,
    "KillMode=mixed",
    `TimeoutStopSec=${Math.ceil(stopMs / 1000) + SPARE_SECONDS}`,
    "UMask=0077",
    "LimitCORE=0",
    ...HARDENED,
    ...(scope === "system" ? hardenedBySystem(unit) : []),
    "",
    "[Install]",
    `WantedBy=${scope === "system" ? "multi-user.target" : "default.target"}`,
    "",
  ].join("\n");
}

// --- internal ---

/** After its own longest stop a node has ended by itself. */
const SPARE_SECONDS = 5;

/** What a user's own manager can hold a process to as well. */
const HARDENED = [
  "NoNewPrivileges=yes",
  "LockPersonality=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "RestrictNamespaces=yes",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
  "SystemCallArchitectures=native",
] as const;

function hardenedBySystem({ writable }: ServiceUnit): readonly string[] {
  return [
    "CapabilityBoundingSet=",
    "PrivateTmp=yes",
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    `ReadWritePaths=${writable.map((path) => word(`-${path}`)).join(" ")}`,
    ...["ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs"].map(on),
    ...["ProtectKernelModules", "ProtectKernelTunables"].map(on),
  ];
}

function on(setting: string): string {
  return `${setting}=yes`;
}

/** A word of a line: in quotes, and nothing in it stands for something else. */
function word(text: string): string {
  const plain = specifiers(text).replaceAll("$", "$$$$");
  return /[\s"'\\;]/.test(plain) ? `"${plain.replaceAll(/["\\]/g, "\\$&")}"` : plain;
}

function specifiers(text: string): string {
  return text.replaceAll("%", "%%");
}
