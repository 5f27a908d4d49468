import type { ConnectionLimits } from "../../src/gossip/connections/connection-limits.ts";
import type { NetworkConfig } from "../../src/gossip/index.ts";
import { TestProcess } from "./child-process.ts";
import { programFile } from "./program-file.ts";

export interface NetworkChoices {
  readonly config?: Partial<NetworkConfig>;
  /** Limits other than the usual ones; with `unlimited` none but these. */
  readonly limits?: Partial<ConnectionLimits>;
  readonly unlimited?: boolean;
}

export interface Listening {
  readonly event: "listening";
  readonly peerId: string;
  readonly address: string;
  /** A payload that it serves. */
  readonly payload: string;
  readonly bytes: number;
}

export interface State {
  readonly event: "state";
  readonly rss: number;
  /** Longest delay of the event loop, as far as the process itself was at work, since the state before. */
  readonly lagMs: number;
  readonly peers: readonly string[];
}

export interface Said {
  readonly event: "log";
  readonly message: string;
  readonly peer?: string;
  readonly host?: string;
  readonly reason?: string;
  readonly why?: string;
  readonly transfers?: number;
}

/** One line that the process prints. */
export type NetworkLine = Listening | State | Said;

/** What happened to it since somebody began to look. */
export interface Course {
  readonly grownBy: number;
  readonly lagMs: number;
  /** Peers that it had all the time. */
  readonly always: readonly string[];
}

/** A network in a process of its own, to be attacked. Lines are waited for one at a time. */
export class Victim {
  readonly listening: Listening;
  readonly #process: TestProcess;

  static async start(choices: NetworkChoices = {}): Promise<Victim> {
    const script = programFile("test/support/network-process");
    const process = new TestProcess(script, [JSON.stringify(choices)]);
    const listening = parse(await process.line((line) => parse(line)?.event === "listening"));
    if (listening?.event !== "listening") throw new Error("that line was looked for");
    return new Victim(process, listening);
  }

  private constructor(process: TestProcess, listening: Listening) {
    this.#process = process;
    this.listening = listening;
  }

  get port(): number {
    return Number(/tcp\/(\d+)/.exec(this.listening.address)?.[1]);
  }

  /** The first state, from now on, of which this is true. */
  async state(isIt: (state: State) => boolean = () => true): Promise<State> {
    const from = this.#process.lines.length;
    return this.#line(from, (line): line is State => line.event === "state" && isIt(line));
  }

  /** The first line of its log, ever, of which this is true. */
  async said(isIt: (line: Said) => boolean): Promise<Said> {
    return this.#line(0, (line): line is Said => line.event === "log" && isIt(line));
  }

  /** From now on; the memory is compared with that of this moment. */
  async watch(): Promise<() => Promise<Course>> {
    const from = this.#process.lines.length;
    const before = await this.state();
    return async () => {
      await this.state();
      const lines = this.#process.lines.slice(from).flatMap((line) => parse(line) ?? []);
      const states = lines.filter((line): line is State => line.event === "state");
      return {
        grownBy: Math.max(...states.map(({ rss }) => rss)) - before.rss,
        lagMs: Math.max(...states.map(({ lagMs }) => lagMs)),
        always: before.peers.filter((peer) => states.every(({ peers }) => peers.includes(peer))),
      };
    };
  }

  async #line<Line extends NetworkLine>(
    from: number,
    isIt: (line: NetworkLine) => line is Line,
  ): Promise<Line> {
    const { lines } = this.#process;
    const text = await this.#process.line((candidate) => {
      const line = parse(candidate);
      return line !== null && isIt(line) && lines.indexOf(candidate, from) >= 0;
    });
    return parse(text) as Line;
  }
}

// --- internal ---

function parse(line: string): NetworkLine | null {
  return line.startsWith("{") ? JSON.parse(line) : null;
}
