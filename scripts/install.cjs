"use strict";

/**
 * Installs what is missing before `npm start`, `npm test` and `npm run klatch`: nothing when node_modules is what the lock
 * file says (milliseconds), else `npm ci`; and builds the dashboard when its sources have changed. Plain CommonJS, because it runs under the machine's own Node (20 or newer)
 * before the pinned one is there: npm puts node_modules/.bin first on PATH, and the workspace scripts/node-runtime brings
 * a `node` for it. Install scripts are not run: no dependency needs one, and ONNX Runtime's would fetch CUDA libraries.
 */
const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const { existsSync, readdirSync, readFileSync, statSync, writeFileSync } = require("node:fs");
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
  if (readText(stampFile) !== digest) {
    if (!isInstalled()) install();
    requireNode();
    writeFileSync(stampFile, digest);
  }
  buildDashboard();
}

/** What a browser shows of a node. Without it everything else works, so a build that fails is said and no more. */
function buildDashboard() {
  const built = join(root, "dist", "dashboard", ".sources");
  const sources = digestOfDashboard();
  if (readText(built) === sources) return;
  const pinned = join(modules, ".bin", process.platform === "win32" ? "node.cmd" : "node");
  const node = existsSync(pinned) ? pinned : process.execPath;
  const script = join(root, "scripts", "dashboard.ts");
  const shell = process.platform === "win32";
  const { status } = spawnSync(node, [script], { cwd: root, stdio: ["ignore", 2, 2], shell });
  if (status === 0) writeFileSync(built, sources);
  else process.stderr.write("klatch: the dashboard could not be built (npm run dashboard)\n");
}

function digestOfDashboard() {
  const folder = join(root, "src", "dashboard");
  const files = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
  const shared = ["table", "quantities"].map((name) => `src/node/view/${name}.ts`);
  const others = ["scripts/dashboard.ts", ...shared].map((path) => join(root, path));
  const hash = createHash("sha256").update(digest);
  for (const path of [...files, ...others].sort()) hash.update(readFileSync(path));
  return hash.digest("hex");
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
