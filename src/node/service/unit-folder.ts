import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { writeAtomically } from "../store/atomic-file.ts";
import { fileError, isMissing, realFileSystem } from "../store/file-system.ts";
import { MADE_BY, type ServiceUnit } from "./unit-file.ts";

/** Where systemd looks for the units of an administrator, or of this user. */
export function unitFolder(scope: ServiceUnit["scope"]): string {
  if (scope === "system") return "/etc/systemd/system";
  const { XDG_CONFIG_HOME } = process.env;
  const config = XDG_CONFIG_HOME || join(homedir(), ".config");
  return join(config, "systemd/user");
}

/**
 * The text of a unit that this program made; null where there is none.
 *
 * @throws KlatchError `usage` where somebody else made it
 */
export function readUnit(file: string): string | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw fileError(error, file);
  }
  if (text.startsWith(MADE_BY)) return text;
  throw new KlatchError(
    "usage",
    `${file} was not made by klatch`,
    "nothing was changed; choose another name with --name",
  );
}

/** Writes a unit, in place of one that this program made. Throws as {@link readUnit} does. */
export function writeUnit(folder: string, file: string, text: string): void {
  readUnit(file);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw fileError(error, folder);
  }
  writeAtomically(realFileSystem, file, [Buffer.from(text)]);
}

/**
 * Removes a unit that is not enabled.
 *
 * @throws KlatchError `usage` where it is, or is none of this program
 */
export function removeUnit(file: string, wanted: string, disable: string): void {
  if (readUnit(file) === null) {
    throw new KlatchError("usage", `${file} is not there`, "`klatch service install` makes it");
  }
  if (existsSync(wanted)) {
    throw new KlatchError("usage", `${file} is enabled`, `first: ${disable}`);
  }
  try {
    rmSync(file);
  } catch (error) {
    throw fileError(error, file);
  }
}
