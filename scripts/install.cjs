"use strict";

/**
 * Installs what is missing before `npm start`, `npm test` and `npm run klatch`: nothing when node_modules is what the lock
 * file says (milliseconds), else `npm ci`. Plain CommonJS, because it runs under the machine's own Node (20 or newer)
 * before the pinned one is there: npm puts node_modules/.bin first on PATH, and the workspace scripts/node-runtime brings
 * a `node` for it. Install scripts are not run: no dependency needs one, and ONNX Runtime's would fetch CUDA libraries.
 */
const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const root = join(__dirname, "..");
const modules = join(root, "node_modules");
const stampFile = join(modules, ".klatch-lock-digest");
const lockText = readFileSync(join(root, "package-lock.json"), "utf8");
const digest = createHash("sha256").update(lockText).digest("hex");

/** The first Node that runs TypeScript as it is and has what libp2p needs. */
const NODE_MIN = [22, 18];

main();

function main() {
  if (readText(stampFile) === digest) return;
  if (!isInstalled()) install();
  requireNode();
  writeFileSync(stampFile, digest);
}

/** Whether every package that the lock file asks for on this platform is there in its version. */
function isInstalled() {
  const hidden = readText(join(modules, ".package-lock.json"));
  if (hidden === null) return false;
  const wanted = Object.entries(JSON.parse(lockText).packages);
  const found = JSON.parse(hidden).packages;
  return wanted.every(([path, { version, optional, link }]) => {
    if (!path.startsWith("node_modules/") || link) return true;
    return found[path] === undefined ? optional === true : found[path].version === version;
  });
}

function install() {
  process.stderr.write("klatch: installing dependencies (once, about a minute)\n");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { npm_execpath: npm = "", npm_node_execpath: node = process.execPath } = process.env;
  const viaNode = npm.endsWith(".js");
  const result = spawnSync(viaNode ? node : "npm", viaNode ? [npm, ...args] : args, {
    cwd: root,
    // Standard output stays free for the result of the command that follows.
    stdio: ["ignore", 2, 2],
    shell: !viaNode && process.platform === "win32",
  });
  if (result.status === 0) return;
  stop("the installation failed", "check the network and the npm registry, then try again");
}

/** A node that can run the project: the pinned one, or the machine's own where none is made for its platform. */
function requireNode() {
  const names = process.platform === "win32" ? ["node.cmd", "node.exe"] : ["node"];
  if (names.some((name) => existsSync(join(modules, ".bin", name)))) return;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  stop(
    `Node ${process.versions.node} is too old, and there is no pinned Node for this platform`,
    `install Node ${NODE_MIN.join(".")} or newer`,
  );
}

/** @returns {string | null} the text of a file; null when there is none */
function readText(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

/** @returns {never} */
function stop(sentence, hint) {
  process.stderr.write(`error: ${sentence}\nhint: ${hint}\n`);
  process.exit(1);
}
