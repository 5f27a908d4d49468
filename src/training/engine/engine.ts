import type { TypedArray, Value } from "../graph/value.ts";

/** Arrays by the name of a program's input or output. */
export type Arrays = Readonly<Record<string, TypedArray>>;

/** A compiled graph. */
export interface Program {
  /**
   * Computes the outputs from one array for each input. An output named in `into` is written there and returned,
   * the others are new arrays. Feeds are read in place: do not change them before the promise settles.
   */
  run(feeds: Arrays, into?: Arrays): Promise<Arrays>;
  close(): Promise<void>;
}

/** Something that runs graphs. */
export interface Engine {
  readonly name: string;
  /** @throws KlatchError `engine` when the graph cannot be compiled */
  compile(outputs: Readonly<Record<string, Value>>): Promise<Program>;
}
