import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { KlatchError } from "../../errors.ts";

/** The root folder of this package: the checkout, or the installed package. */
export function packageFolder(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (packageName(folder) === "klatch") return folder;
  }
  throw new KlatchError(
    "internal",
    "the package's own folder was not found",
    "install klatch again",
  );
}

/** Folder of the base model that comes with the package. */
export function bundledModel(): string {
  return join(packageFolder(), "testnet", "model");
}

/** Version of this package. */
export function packageVersion(): string {
  return readManifest(packageFolder())?.version ?? "unknown";
}

// --- internal ---

interface PackageManifest {
  readonly name?: string;
  readonly version?: string;
}

function readManifest(folder: string): PackageManifest | null {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageManifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

const packageName = (folder: string): string | undefined => readManifest(folder)?.name;
