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
  /**
   * Frozen weights of at most this many bytes are constants of every program. Larger ones are fed at every run.
   * Unset: the caller decides.
   */
  readonly copyBytesMax?: number | undefined;
  /**
   * Frozen weights that are fed, but take at most this many bytes, are constants of one program at a time. Unset: of
   * none.
   */
  readonly soleCopyBytesMax?: number | undefined;
  /**
   * Promises that these arrays never change and are fed again and again. An engine with this method copies each array
   * to its device once, however many programs read it.
   */
  keep?(arrays: Iterable<TypedArray>): void;
  /** Frees what the engine itself holds; its programs must be closed before. */
  close(): Promise<void>;
}
