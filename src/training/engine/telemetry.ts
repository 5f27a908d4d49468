import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processFacts } from "./process-report.ts";

/**
 * Official builds of ONNX Runtime keep a lasting identifier of the machine and send usage data to their maker, unless
 * this variable is set before the native library is loaded (onnxruntime pull requests 27379 and 29843). On Windows
 * they write to the system's event tracing instead, for which there is no switch.
 */
export const TELEMETRY_SWITCH = "ORT_DISABLE_TELEMETRY";

/**
 * Sets the switch, also where it was empty or 0; false in a thread whose environment is a copy that native code does
 * not see.
 */
export function switchTelemetryOff(): boolean {
  process.env[TELEMETRY_SWITCH] = "1";
  return processFacts().environmentVariables?.[TELEMETRY_SWITCH] === "1";
}

/**
 * What a library with its telemetry on has left on this machine: the folder with the identifier and the stored
 * events, and its logs in the temporary folder. Other programs with ONNX Runtime leave the same.
 */
export function telemetryLeftovers(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  temporary = tmpdir(),
): readonly string[] {
  const { XDG_CACHE_HOME, HOME } = environment;
  const parents = [
    ...(XDG_CACHE_HOME ? [XDG_CACHE_HOME] : []),
    ...(HOME ? [join(HOME, ".cache"), join(HOME, "Library", "Application Support")] : []),
  ];
  const folders = parents.map((parent) => join(parent, "Microsoft/DeveloperTools/.onnxruntime"));
  const logs = readdirSync(temporary).filter((name) => /^mat-debug-\d+\.log$/.test(name));
  return [
    ...folders.filter((folder) => existsSync(folder)),
    ...logs.map((name) => join(temporary, name)),
  ];
}
