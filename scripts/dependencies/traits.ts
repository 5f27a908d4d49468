import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What a package can do besides computing; each list is sorted and empty where nothing was found. */
export interface Traits {
  readonly native: readonly string[];
  /** Modules of Node and functions of the web with which its code reaches, or asks about, the network. */
  readonly network: readonly string[];
}

/**
 * Looks through the files that an installed package brings, without the packages inside it, its tests and its
 * examples.
 */
export function traitsOf(folder: string): Traits {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => !LEFT_OUT.test(file));
  const scripts = files.filter((file) => /\.[cm]?js$/.test(file));
  const found = scripts.map((file) => traitsOfCode(readFileSync(join(folder, file), "utf8")));
  return {
    native: sorted([...files.flatMap(nativeKind), ...found.flatMap(({ native }) => native)]),
    network: sorted(found.flatMap(({ network }) => network)),
  };
}

/** The same of the text of one file. */
export function traitsOfCode(text: string): Traits {
  // Most files have nothing of all that, and looking for their comments takes the longest.
  if (!QUICK.test(text)) return { native: [], network: [] };
  const code = text.replace(COMMENT, "");
  return {
    native: /\bWebAssembly\./.test(code) ? ["WebAssembly"] : [],
    network: sorted([
      ...[...code.matchAll(MODULE)].map(([, name = ""]) => name),
      ...[...code.matchAll(WEB)].map(([name]) => name.replace(/^.*\W(?=\w)/, "")),
    ]),
  };
}

// --- internal ---

const LEFT_OUT =
  /(^|\/)(node_modules|tests?|__tests__|examples?|bench|benchmarks?)\/|(^|[./])(tests?|example)\.[cm]?js$/;
/** Comments that have lines to themselves: elsewhere the same signs may stand in a string or a pattern. */
const COMMENT = /^[ \t]*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm;
const NAMES = "net|tls|https?|http2|dgram|dns(?:/promises)?|undici";
const MODULE = new RegExp(
  `(?:from|import|require|getBuiltinModule)\\s*\\(?\\s*["'\`](?:node:)?(${NAMES})["'\`]`,
  "g",
);
const WEB =
  /(?<![\w$.])fetch(?=\()|\b(?:globalThis|window|self)\.fetch\b|\bnew (?:WebSocket|EventSource|XMLHttpRequest|RTCPeerConnection)\b/g;
const QUICK = new RegExp(
  `WebAssembly|fetch|WebSocket|EventSource|XMLHttpRequest|RTCPeerConnection|["'\`:](?:${NAMES})["'\`]`,
);

function nativeKind(file: string): readonly string[] {
  if (/\.(node|dylib|dll|so(\.\d+)*)$/.test(file)) return ["library"];
  return file.endsWith(".wasm") ? ["WebAssembly"] : [];
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
