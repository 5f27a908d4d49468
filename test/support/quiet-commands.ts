import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programFile } from "./program-file.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { type Trace, TracedProcess } from "./traced.ts";

/** Words that stand in private rows and nowhere else. */
export const SECRETS = ["Quillfeather", "Zanzimor", "HX-40417"] as const;

/** A clean home with rows to train on, in which every command runs under strace. */
export class QuietHome {
  readonly folder = temporaryFolder();
  readonly home = join(this.folder, "home");
  readonly temporary = join(this.folder, "tmp");
  readonly out = join(this.folder, "out");
  readonly data = join(this.folder, "data", "rows.jsonl");
  #traces = 0;

  constructor() {
    for (const each of [this.home, this.temporary, this.out]) mkdirSync(each);
    mkdirSync(join(this.folder, "data"));
    const [patient, place, number] = SECRETS;
    const rows = Array.from({ length: 40 }, (_, i) =>
      JSON.stringify({
        prompt: `patient ${patient} of ${place}, file ${number}, day ${i}`,
        completion: `${place} ${i % 3}`,
      }),
    );
    writeFileSync(this.data, `${rows.join("\n")}\n`);
  }

  /** The environment of a user who set nothing; CI would silence the telemetry by itself. */
  get env(): NodeJS.ProcessEnv {
    return { HOME: this.home, TMPDIR: this.temporary, NODE_COMPILE_CACHE: undefined };
  }

  /** Starts `klatch` under strace. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): TracedProcess {
    this.#traces += 1;
    return new TracedProcess([process.execPath, programFile("src/node/cli"), ...args], {
      cwd: this.folder,
      traces: join(this.folder, `trace-${this.#traces}`),
      env: { ...this.env, ...env },
    });
  }

  /** Runs `klatch` to its end. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Quiet> {
    const process = this.start(args, env);
    const { code } = await process.ended();
    return { code, said: process.stdout + process.stderr, trace: process.trace() };
  }

  /** What lies in the temporary folder. */
  inTemporary(): readonly string[] {
    return readdirSync(this.temporary);
  }

  /** Files below a folder of this home that others than their owner may open. */
  openToOthers(folder: string): readonly string[] {
    return filesBelow(folder).filter((path) => (statSync(path).mode & 0o077) !== 0);
  }
}

/** What a command did. */
export interface Quiet {
  readonly code: number | null;
  readonly said: string;
  readonly trace: Trace;
}

/** Every file and folder below one, and the folder itself. */
export function filesBelow(folder: string): readonly string[] {
  return [
    folder,
    ...readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  ];
}

/** The secrets that a text holds, and the files among `paths` that hold one: `secret in path`. */
export function secretsIn(text: string): readonly string[] {
  return SECRETS.filter((secret) => text.includes(secret));
}

export function filesWithSecrets(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    if (!statSync(path).isFile()) return [];
    return secretsIn(readFileSync(path, "latin1")).map((secret) => `${secret} in ${path}`);
  });
}
