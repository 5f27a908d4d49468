import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { packageFolder } from "../folders/package-folder.ts";
import { isMissing } from "../store/file-system.ts";

/** A file of the dashboard, compressed. */
export interface DashboardFile {
  readonly type: string;
  readonly bytes: Buffer;
}

/** What the dashboard consists of, by the path at which it is asked for. */
const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/dashboard.js": ["dashboard.js", "text/javascript; charset=utf-8"],
  "/dashboard.css": ["dashboard.css", "text/css; charset=utf-8"],
  "/regular.ttf": ["regular.ttf", "font/ttf"],
  "/bold.ttf": ["bold.ttf", "font/ttf"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
} as const;

export const DASHBOARD_PATHS: ReadonlySet<string> = new Set(Object.keys(FILES));

/** Where `scripts/dashboard.ts` puts what it builds. */
export function dashboardFolder(): string {
  return join(packageFolder(), "dist", "dashboard");
}

/** The dashboard's files; each is read and compressed once, when it is asked for. Null where it has not been built. */
export function dashboardFiles(folder = dashboardFolder()) {
  const known = new Map<string, DashboardFile>();
  return (path: string): DashboardFile | null => {
    const [name, type] = FILES[path as keyof typeof FILES] ?? [];
    if (name === undefined) return null;
    const file = known.get(path) ?? readCompressed(join(folder, name), type);
    if (file !== null) known.set(path, file);
    return file;
  };
}

// --- internal ---

function readCompressed(path: string, type: string): DashboardFile | null {
  try {
    return { type, bytes: gzipSync(readFileSync(path)) };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
