import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { TestProcess } from "./child-process.ts";

/** What a process and all that it started asked the kernel for. */
export interface Trace {
  /** Addresses beyond this machine that something was sent to, `address:port`. */
  readonly beyond: readonly string[];
  /** Names that were asked for. */
  readonly names: readonly string[];
  /** Addresses that connections were accepted at, `address:port`. */
  readonly listening: readonly string[];
  /** Files and folders that were made, opened for writing or renamed to. */
  readonly written: readonly string[];
}

const CALLS =
  "connect,sendto,sendmsg,sendmmsg,listen,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat";

export const STRACE_WORKS =
  spawnSync("strace", ["-qq", "-e", "trace=none", "true"], { timeout: 10_000 }).status === 0;

/** A process under strace (a Debian package), with every file mode left to itself: its umask is 0. */
export class TracedProcess extends TestProcess {
  readonly #folder: string;
  readonly #cwd: string;

  constructor(
    command: readonly string[],
    options: { readonly cwd: string; readonly traces: string; readonly env: NodeJS.ProcessEnv },
  ) {
    const { cwd, traces, env } = options;
    mkdirSync(traces, { recursive: true });
    const strace = [
      "strace",
      "-ff",
      "-qq",
      "--seccomp-bpf",
      "-yy",
      "-xx",
      "-s",
      "512",
      "-e",
      `trace=${CALLS}`,
    ];
    const script = 'umask 0; cd "$1"; shift; exec "$@"';
    const traced = [...strace, "-o", join(traces, "calls"), ...command];
    super("-c", [script, "sh", cwd, ...traced], env, "/bin/sh");
    this.#folder = traces;
    this.#cwd = cwd;
  }

  /** Signals the program itself; strace ends with the last process that the program started. */
  override kill(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    const [program] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    process.kill(Number(program), signal);
  }

  /** What was asked for until now. */
  trace(): Trace {
    const lines = readdirSync(this.#folder).flatMap((name) =>
      readFileSync(join(this.#folder, name), "utf8").split("\n"),
    );
    return parseTrace(lines, this.#cwd);
  }
}

/** Reads what `strace -yy -xx` wrote, a call in each line. */
function parseTrace(lines: readonly string[], cwd: string): Trace {
  const sent = lines.filter((line) => /^(connect|send)/.test(line));
  const targets = sent.flatMap(addresses);
  return {
    beyond: unique(targets.filter((target) => !isHere(target))),
    names: unique(sent.flatMap(names)),
    listening: unique(lines.filter((line) => line.startsWith("listen(")).flatMap(listening)),
    written: unique(lines.flatMap((line) => written(line, cwd))),
  };
}

// --- internal ---

const PORT_OF_NAMES = 53;

function unique(items: readonly string[]): readonly string[] {
  return [...new Set(items)].sort();
}

/** Text that strace wrote in hexadecimal. */
function text(hex: string): string {
  return bytes(hex).toString("utf8");
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll("\\x", ""), "hex");
}

/** The Internet addresses in a call. */
function addresses(line: string): readonly string[] {
  const found = line.matchAll(
    /sin6?_port=htons\((\d+)\).*?(?:inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)")/g,
  );
  return Array.from(found, ([, port, v4, v6]) => `${text(v4 ?? v6 ?? "")}:${port}`);
}

function isHere(target: string): boolean {
  const address = target.slice(0, target.lastIndexOf(":"));
  return /^(::ffff:)?127\./.test(address) || address === "::1";
}

/** The question of a DNS packet (RFC 1035, 4.1), whoever is asked. */
function names(line: string): readonly string[] {
  if (!line.includes(`:${PORT_OF_NAMES}]>`)) return [];
  const packets = line.matchAll(/(?:>, |iov_base=)"((?:\\x[0-9a-f]{2})+)"/g);
  return Array.from(packets, ([, hex = ""]) => {
    const packet = bytes(hex);
    const labels: string[] = [];
    for (let at = 12; (packet[at] ?? 0) > 0; at += 1 + (packet[at] ?? 0)) {
      labels.push(packet.subarray(at + 1, at + 1 + (packet[at] ?? 0)).toString("latin1"));
    }
    return labels.join(".");
  });
}

function listening(line: string): readonly string[] {
  const at = /^listen\(\d+<[^>]*?:\[(.*)\]>/.exec(line)?.[1];
  return at === undefined || line.includes("<UNIX") ? [] : [at];
}

function written(line: string, cwd: string): readonly string[] {
  if (!/ = \d+(<.*>)?$/.test(line)) return [];
  if (/^(open|creat)/.test(line)) {
    const path = /<([^<>]*)>$/.exec(line)?.[1] ?? "";
    return /O_CREAT|O_WRONLY|O_RDWR|^creat/.test(line) ? [decoded(path)] : [];
  }
  if (!/^(mkdir|rename|link|symlink)/.test(line)) return [];
  const path = decoded([...line.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].at(-1)?.[1] ?? "");
  return [isAbsolute(path) ? path : join(cwd, path)];
}

/** A path, in hexadecimal or as it is. */
function decoded(path: string): string {
  return path.startsWith("\\x") ? text(path) : path;
}
