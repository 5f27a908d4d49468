import assert from "node:assert/strict";
import type { Example } from "../examples/example.ts";
import { type CutTokens, cutTokens, type TokenCount } from "../examples/lost-tokens.ts";

/** A list of examples that need not all lie in memory; an array is one. */
export interface Examples<E = Example> {
  readonly length: number;
  at(index: number): E | undefined;
  /** Lets go of the file that the examples are read from; nothing can be read afterwards. */
  close?(): void;
}

/** Tokens lie in chunks of this many, and no example in two of them. */
export const CHUNK_TOKENS = 1 << 20;
/** The first chunk grows from here: most files are far smaller than a chunk. */
const FIRST_TOKENS = 1 << 12;
/** Set on an id that is learned; ids are far smaller. */
const LEARNED = 1 << 30;
/** Set on the length of an example that was cut. */
const TRUNCATED = 2 ** 31;
/** Behind the ids of an example that was cut stands how many it lost; set on it where they are more. */
const LEAST = 1 << 30;

/** What is kept of each example besides its tokens, in 12 bytes. */
export interface ExampleIndex {
  readonly lengths: Uint32Array;
  /** Hash of each example's text; see `textHash`. */
  readonly hashes: Float64Array;
}

/** Where the tokens lie. */
export interface TokenSource {
  read(chunk: number, start: number, length: number): Int32Array;
  close(): void;
}

function pack({ ids, promptLength, parts }: Example, target: Int32Array): void {
  target.set(ids);
  for (const [start, end] of parts ?? [[promptLength, ids.length]]) {
    for (let i = start; i < end; i += 1) target[i] = (target[i] ?? 0) | LEARNED;
  }
}

/** What an entry of the index takes: its ids, and what was lost. */
function entryOf(value: number) {
  const truncated = value >= TRUNCATED;
  const length = value % TRUNCATED;
  return { truncated, length, taken: length + Number(truncated) };
}

function packLost({ tokens, isLeast }: TokenCount = { tokens: 0, isLeast: true }): number {
  return Math.min(tokens, LEAST - 1) | (isLeast || tokens >= LEAST ? LEAST : 0);
}

function unpackLost(packed = LEAST): TokenCount {
  return { tokens: packed & ~LEAST, isLeast: (packed & LEAST) !== 0 };
}

function unpack(tokens: Int32Array): Omit<Example, "truncated"> {
  const parts: [number, number][] = [];
  let wasLearned = false;
  for (let i = 0; i < tokens.length; i += 1) {
    const isLearned = ((tokens[i] ?? 0) & LEARNED) !== 0;
    if (isLearned && !wasLearned) parts.push([i, tokens.length]);
    const last = parts.at(-1);
    if (!isLearned && wasLearned && last) last[1] = i;
    wasLearned = isLearned;
  }
  const ids = tokens.map((token) => token & ~LEARNED);
  const promptLength = parts[0]?.[0] ?? tokens.length;
  const isOnePart = parts.length === 1 && wasLearned;
  return { ids, promptLength, ...(isOnePart ? {} : { parts }) };
}

/** Collects examples; full chunks can be taken away before the end. */
export class ExampleWriter {
  #chunk = new Int32Array(FIRST_TOKENS);
  #used = 0;
  #full: Int32Array[] = [];
  #lengths = new Uint32Array(1024);
  #hashes = new Float64Array(1024);
  #count = 0;
  tokens = 0;
  truncated = 0;
  cut: CutTokens | undefined;

  get count(): number {
    return this.#count;
  }

  add(example: Example, hash: number): void {
    const { length } = example.ids;
    const value = length + (example.truncated ? TRUNCATED : 0);
    const { taken } = entryOf(value);
    assert.ok(length > 0 && taken <= CHUNK_TOKENS, "an example fits into a chunk");
    this.#makeRoom(taken);
    pack(example, this.#chunk.subarray(this.#used, this.#used + length));
    if (example.truncated) {
      this.#chunk[this.#used + length] = packLost(example.lost);
      this.cut = cutTokens(this.cut, length, example.lost);
    }
    this.#used += taken;
    if (this.#count === this.#lengths.length) this.#growIndex();
    this.#lengths[this.#count] = value;
    this.#hashes[this.#count] = hash;
    this.#count += 1;
    this.tokens += length;
    this.truncated += Number(example.truncated);
  }

  #makeRoom(more: number): void {
    const isFull = this.#used + more > CHUNK_TOKENS;
    this.#growChunk(isFull ? CHUNK_TOKENS : this.#used + more);
    if (!isFull) return;
    this.#full.push(this.#chunk);
    this.#chunk = new Int32Array(CHUNK_TOKENS);
    this.#used = 0;
  }

  #growChunk(needed: number): void {
    if (needed <= this.#chunk.length) return;
    const chunk = new Int32Array(Math.min(CHUNK_TOKENS, Math.max(needed, 2 * this.#chunk.length)));
    chunk.set(this.#chunk);
    this.#chunk = chunk;
  }

  #growIndex(): void {
    const lengths = new Uint32Array(this.#count * 2);
    const hashes = new Float64Array(this.#count * 2);
    lengths.set(this.#lengths);
    hashes.set(this.#hashes);
    this.#lengths = lengths;
    this.#hashes = hashes;
  }

  /** The chunks that nothing is added to any more; they are not kept here. */
  takeFull(): readonly Int32Array[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** The last chunks, the very last one cut to what is used, and the index. */
  finish(): { readonly chunks: readonly Int32Array[]; readonly index: ExampleIndex } {
    const chunks = [...this.takeFull(), this.#chunk.slice(0, this.#used)];
    const lengths = this.#lengths.slice(0, this.#count);
    return { chunks, index: { lengths, hashes: this.#hashes.slice(0, this.#count) } };
  }
}

/** Where each example begins, counted in tokens over all chunks. */
function startsOf(lengths: Uint32Array): Float64Array {
  let next = 0;
  return Float64Array.from(lengths, (value) => {
    const { taken } = entryOf(value);
    if ((next % CHUNK_TOKENS) + taken > CHUNK_TOKENS) {
      next = Math.ceil(next / CHUNK_TOKENS) * CHUNK_TOKENS;
    }
    const start = next;
    next += taken;
    return start;
  });
}

/** Examples as {@link ExampleWriter} laid them out. */
export class ExampleStore implements Examples {
  readonly index: ExampleIndex;
  readonly #starts: Float64Array;
  readonly #source: TokenSource;

  constructor(index: ExampleIndex, source: TokenSource) {
    this.index = index;
    this.#starts = startsOf(index.lengths);
    this.#source = source;
  }

  get length(): number {
    return this.index.lengths.length;
  }

  /** Ids of the longest example. */
  get longest(): number {
    return this.index.lengths.reduce((most, value) => Math.max(most, value % TRUNCATED), 0);
  }

  at(i: number): Example | undefined {
    const value = this.index.lengths[i];
    const start = this.#starts[i];
    if (value === undefined || start === undefined) return undefined;
    const chunk = Math.floor(start / CHUNK_TOKENS);
    const { truncated, length, taken } = entryOf(value);
    const tokens = this.#source.read(chunk, start % CHUNK_TOKENS, taken);
    const example = unpack(tokens.subarray(0, length));
    return { ...example, truncated, ...(truncated ? { lost: unpackLost(tokens[length]) } : {}) };
  }

  close(): void {
    this.#source.close();
  }
}

/** Tokens in chunks that lie in memory. */
export function tokensInMemory(chunks: readonly Int32Array[]): TokenSource {
  return {
    read(chunk, start, length) {
      const tokens = chunks[chunk]?.subarray(start, start + length);
      assert.equal(tokens?.length, length, "every example lies within a chunk");
      return tokens ?? new Int32Array();
    },
    close: () => undefined,
  };
}
