import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** How long a driver's tool may take to answer, ms. */
const ANSWER_MS = 3000;
const MIB = 2 ** 20;

/**
 * Bytes that `engine`'s device can give this process, what it already has included; null where nobody tells. Graphics
 * memory is known from NVIDIA's tool and from AMD's driver on Linux; Apple's is the machine's own.
 */
export function deviceMemory(engine: string): number | null {
  const onGpu = ["onnx:webgpu", "onnx:cuda", "tfjs:gpu"].includes(engine);
  if (!onGpu || process.platform === "darwin") {
    return process.availableMemory() + process.memoryUsage.rss();
  }
  return nvidiaMemory() ?? (engine === "onnx:webgpu" ? amdMemory() : null);
}

// --- internal ---

/** Free memory of the first NVIDIA card. */
function nvidiaMemory(): number | null {
  const query = ["--query-gpu=memory.free", "--format=csv,noheader,nounits"];
  const options = { timeout: ANSWER_MS, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  try {
    const answer = execFileSync("nvidia-smi", query, options as { encoding: "utf8" });
    const mebibytes = Number(answer.split("\n")[0]);
    return Number.isFinite(mebibytes) && mebibytes > 0 ? mebibytes * MIB : null;
  } catch {
    // Not installed, or without a card.
    return null;
  }
}

/** Free memory of the AMD card with most of it. */
function amdMemory(): number | null {
  const folder = "/sys/class/drm";
  try {
    const free = readdirSync(folder).flatMap((card) => {
      const at = (name: string) => Number(readFileSync(`${folder}/${card}/device/${name}`, "utf8"));
      try {
        return [at("mem_info_vram_total") - at("mem_info_vram_used")];
      } catch {
        // Another driver's card, or a connector of one.
        return [];
      }
    });
    return free.length === 0 ? null : Math.max(...free);
  } catch {
    // Not Linux, or no graphics at all.
    return null;
  }
}
