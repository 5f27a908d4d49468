import { readdirSync, readFileSync } from "node:fs";

/** What the kernel says of one process, in bytes. */
export interface ProcessMemory {
  /** All pages in memory. */
  readonly rss: number;
  /** The same, with a page that several processes have counted in shares. */
  readonly pss: number;
  /** Pages of files: code, mostly, which all processes of one program have in common. */
  readonly files: number;
  /** Everything that was asked for: heaps, arrays, ONNX Runtime. */
  readonly anonymous: number;
}

/** Child processes of `parent` that run now. */
export function childrenOf(parent: number): readonly number[] {
  return processes().filter((pid) => parentOf(pid) === parent);
}

/** Memory of a process; null when it is gone. */
export function memoryOf(pid: number): ProcessMemory | null {
  const text = readOrNull(`/proc/${pid}/smaps_rollup`);
  if (text === null) return null;
  const [rss, pss, anonymous] = ["Rss", "Pss", "Anonymous"].map((name) => fieldOf(text, name));
  if (rss === undefined || pss === undefined || anonymous === undefined) return null;
  return { rss, pss, anonymous, files: rss - anonymous };
}

/** Processes that run now. */
export function processes(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}

/** What `/proc/PID/stat` says of a process behind its name, from its state on (proc(5)); nothing when it is gone. */
export function statOf(pid: number): readonly string[] {
  // The name of the program stands in brackets, and may hold anything.
  return readOrNull(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ") ?? [];
}

// --- internal ---

function parentOf(pid: number): number | null {
  const [, parent] = statOf(pid);
  return parent === undefined ? null : Number(parent);
}

function fieldOf(text: string, name: string): number | undefined {
  const kibibytes = new RegExp(`^${name}: +([0-9]+) kB$`, "m").exec(text)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** The text of a file of /proc; null when its process has ended meanwhile. */
function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw error;
  }
}
