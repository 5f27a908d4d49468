import type { PeerPorts } from "../../src/node/peer/ports.ts";
import type { Store } from "../../src/node/store/contract.ts";
import { type FileSystem, realFileSystem } from "../../src/node/store/file-system.ts";
import { decorated } from "../../testnet/attacks/attack.ts";

/** Where a node dies in a round, in the order in which it comes there, and how often a round goes there. */
export const KILL_POINTS = {
  "training kept": { store: "saveTraining", when: "after", most: 3 },
  "update made, not on disk": { store: "saveUpdate", when: "before", most: 3 },
  "update on disk, not announced": { store: "saveUpdate", when: "after", most: 3 },
  "update announced": { network: "announce", when: "after", most: 3 },
  "statement signed, not on disk": { store: "appendSaid", when: "before", most: 12 },
  "statement on disk, not sent": { store: "appendSaid", when: "after", most: 12 },
  "statement sent": { network: "publish", when: "after", most: 12 },
  "payload asked for": { network: "fetch", when: "before", most: 6 },
  "block on disk, state not": { store: "appendChain", when: "after", most: 3 },
  "record on disk, checkpoint not": { file: "openSync", when: "before", most: 3 },
  "checkpoint written, not in place": { file: "renameSync", when: "before", most: 3 },
  "round on disk": { store: "commitRound", when: "after", most: 3 },
} as const satisfies Record<string, Hook>;
export type KillPoint = keyof typeof KILL_POINTS;

type Hook = {
  readonly when: "before" | "after";
  /** A node dies at one of its first so many calls. */
  readonly most: number;
} & (
  | { readonly store: keyof Store }
  | { readonly network: keyof PeerPorts["network"] }
  | { readonly file: keyof FileSystem }
);

/** What a node works with. */
export interface Worked {
  readonly store: (store: Store) => Store;
  readonly network: (network: PeerPorts["network"]) => PeerPorts["network"];
  readonly files: FileSystem;
}

/** Lets this process die by SIGKILL at the n-th call of a point, counted from 1; null lets it live. */
export function dyingAt(point: KillPoint | null, nth: number): Worked {
  const hook: Hook | null = point === null ? null : KILL_POINTS[point];
  const dying = <T extends object>(
    port: T,
    name: keyof T | null,
    isIt?: (path: string) => boolean,
  ) =>
    name === null || hook === null ? port : killing(port, name, { when: hook.when, nth, isIt });
  return {
    store: (store) => dying(store, hook !== null && "store" in hook ? hook.store : null),
    network: (network) => dying(network, hook !== null && "network" in hook ? hook.network : null),
    files: dying(realFileSystem, hook !== null && "file" in hook ? hook.file : null, (path) =>
      path.includes("checkpoint-"),
    ),
  };
}

// --- internal ---

function killing<T extends object>(
  port: T,
  name: keyof T,
  {
    when,
    nth,
    isIt,
  }: { when: Hook["when"]; nth: number; isIt: ((path: string) => boolean) | undefined },
): T {
  let count = 0;
  const method = (...args: readonly unknown[]): unknown => {
    if (isIt === undefined || isIt(String(args[0]))) count += 1;
    const isHere = count === nth;
    if (isHere && when === "before") die();
    const result: unknown = Reflect.apply(port[name] as () => unknown, port, args);
    if (!isHere) return result;
    return result instanceof Promise ? result.then(die) : die();
  };
  return decorated(port, { [name]: method } as Partial<T>);
}

/** As the kernel ends a process: nothing is closed, nothing is written any more. */
function die(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("a process that is killed does nothing more");
}
