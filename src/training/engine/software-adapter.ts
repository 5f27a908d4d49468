import { readdirSync, readlinkSync } from "node:fs";
import { processFacts } from "./process-report.ts";

/** Device files of graphics drivers on Linux: Mesa's, NVIDIA's, Qualcomm's, and the one of Windows' subsystem. */
const LINUX_DEVICES = ["/dev/dri", "/dev/nvidia", "/dev/kgsl", "/dev/dxg", "/dev/mali"];
/** Drivers of NVIDIA, AMD, Intel and Qualcomm on Windows. */
const WINDOWS_DRIVER = /(nvwgf2um|nvldumd|amdxc|atidx|igd|igc|qcdx)[^\\/]*\.dll$/i;

/**
 * Whether the WebGPU device that this process has open is computed by the CPU (SwiftShader, lavapipe, WARP): a GPU's
 * driver holds the GPU's device file. Ask after the first program was made; ONNX Runtime itself does not tell.
 */
export function isSoftwareAdapter(): boolean {
  // Metal has no software device.
  if (process.platform === "darwin") return false;
  if (process.platform === "linux") return !openFiles().some(isGraphicsDevice);
  const { sharedObjects = [] } = processFacts();
  return !sharedObjects.some((path) => WINDOWS_DRIVER.test(path));
}

/** Whether this machine has a graphics device at all; without, there is no need to load a driver to find out. */
export function hasGraphicsDevice(): boolean {
  if (process.platform !== "linux") return true;
  return readdirSync("/dev").some((name) => isGraphicsDevice(`/dev/${name}`));
}

// --- internal ---

function isGraphicsDevice(path: string): boolean {
  return LINUX_DEVICES.some((device) => path.startsWith(device));
}

function openFiles(): readonly string[] {
  const folder = "/proc/self/fd";
  return readdirSync(folder).flatMap((number) => {
    try {
      return [readlinkSync(`${folder}/${number}`)];
    } catch {
      // Closed since the folder was read.
      return [];
    }
  });
}
