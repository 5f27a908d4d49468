import type { Arrays, TypedArray, Value } from "../graph/value.ts";

/** A compiled graph. */
export interface Program {
  /**
   * Computes the outputs from one array for each input. An output named in `into` is written there and returned,
   * the others are new arrays. Feeds are read in place: do not change them before the promise settles.
   *
   * @throws KlatchError `memory` when the device has too little of it, `engine` for any other failure
   */
  run(feeds: Arrays, into?: Arrays): Promise<Arrays>;
  close(): Promise<void>;
}

/** Something that runs graphs. */
export interface Engine {
  readonly name: string;
  /** @throws KlatchError `engine` when the graph cannot be compiled, `memory` when it does not fit */
  compile(outputs: Readonly<Record<string, Value>>): Promise<Program>;
  /** Frozen weights of at most so many bytes are written into programs, larger ones fed; unset leaves it to the caller. */
  readonly copyBytesMax?: number | undefined;
  /** Of those that are fed, weights of at most so many bytes are written into one program at a time; unset is none. */
  readonly soleCopyBytesMax?: number | undefined;
  /**
   * Promises that these arrays never change and will be fed again and again. An engine that has it copies each to its
   * device once, whatever number of programs reads it.
   */
  keep?(arrays: Iterable<TypedArray>): void;
  /** Frees what the engine itself holds; its programs must be closed before. */
  close(): Promise<void>;
}
