/** Two symbols as one number: ids stay below 2^22, so a pair stays exact in a double. */
const BASE = 1 << 22;

/** What happens to a pair of adjacent symbols: in which order it is merged, and into what. */
interface Merge {
  readonly rank: number;
  readonly symbol: number;
}

/** Pairs of symbols with what they merge into. Of a pair that is listed twice the later place counts. */
export class MergeTable {
  readonly #merges = new Map<number, Merge>();

  add(left: number, right: number, merge: Merge): void {
    this.#merges.set(left * BASE + right, merge);
  }

  find(left: number, right: number): Merge | undefined {
    return this.#merges.get(left * BASE + right);
  }
}

/** A binary heap of numbers, smallest first. */
class NumberHeap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as number;
      if (above <= item) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return top;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      const right = child + 1;
      if (right < items.length && (items[right] as number) < (items[child] as number))
        child = right;
      if ((items[child] as number) >= last) break;
      items[at] = items[child] as number;
      at = child;
    }
    items[at] = last;
    return top;
  }
}

/** The symbols of a word as a linked list; a merge keeps the left node and drops the right. */
class Word {
  readonly #symbols: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #table: MergeTable;

  constructor(symbols: readonly number[], table: MergeTable) {
    const n = symbols.length;
    this.#table = table;
    this.#symbols = Int32Array.from(symbols);
    this.#next = Int32Array.from({ length: n }, (_, i) => i + 1);
    this.#previous = Int32Array.from({ length: n }, (_, i) => i - 1);
  }

  /** The merge of the node at `left` with the one after it; a dropped node has none. */
  mergeAt(left: number): Merge | undefined {
    const right = this.#next[left] ?? this.#symbols.length;
    const symbol = this.#symbols[left] ?? -1;
    if (symbol < 0 || right >= this.#symbols.length) return undefined;
    return this.#table.find(symbol, this.#symbols[right] ?? -1);
  }

  /** Returns the node before `left`, or -1. */
  apply(left: number, symbol: number): number {
    const right = this.#next[left] ?? 0;
    const after = this.#next[right] ?? 0;
    this.#symbols[left] = symbol;
    this.#symbols[right] = -1;
    this.#next[left] = after;
    if (after < this.#symbols.length) this.#previous[after] = left;
    return this.#previous[left] ?? -1;
  }

  symbols(): number[] {
    const out: number[] = [];
    for (let i = 0; i < this.#symbols.length; i = this.#next[i] ?? this.#symbols.length) {
      out.push(this.#symbols[i] ?? 0);
    }
    return out;
  }
}

/**
 * Merges the lowest-ranked pair, leftmost first, until no pair is left: byte-pair encoding of one word (Sennrich et al.
 * 2016, arXiv 1508.07909). Takes n log n steps, which matters where a whole document is one word.
 */
export function mergePairs(symbols: readonly number[], table: MergeTable): number[] {
  const n = symbols.length;
  const word = new Word(symbols, table);
  const heap = new NumberHeap();
  /** What each rank in the heap would make. */
  const results = new Map<number, number>();
  const push = (left: number) => {
    const merge = left < 0 ? undefined : word.mergeAt(left);
    if (merge === undefined) return;
    heap.push(merge.rank * n + left);
    results.set(merge.rank, merge.symbol);
  };
  for (let i = 0; i < n - 1; i++) push(i);
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const left = top % n;
    const symbol = results.get((top - left) / n);
    // An entry is stale when either side has been merged since. As in the Rust library it still holds when the pair
    // that stands there now merges into the same piece.
    if (symbol === undefined || word.mergeAt(left)?.symbol !== symbol) continue;
    const before = word.apply(left, symbol);
    push(before);
    push(left);
  }
  return word.symbols();
}
