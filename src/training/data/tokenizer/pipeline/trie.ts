interface Node<T> {
  readonly next: Map<number, Node<T>>;
  value: T | undefined;
}

/** Texts by their code units, for finding those that stand at some place of another text. */
export class Trie<T> {
  readonly #root: Node<T> = { next: new Map(), value: undefined };

  set(text: string, value: T): void {
    let node = this.#root;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      const known = node.next.get(unit);
      const next: Node<T> = known ?? { next: new Map(), value: undefined };
      if (known === undefined) node.next.set(unit, next);
      node = next;
    }
    node.value = value;
  }

  /** Calls `visit` with the value and the end of every entry that begins at `start`, shortest first. */
  visitPrefixes(text: string, start: number, visit: (value: T, end: number) => void): void {
    let node = this.#root;
    for (let i = start; i < text.length; ) {
      const next = node.next.get(text.charCodeAt(i++));
      if (next === undefined) return;
      node = next;
      if (node.value !== undefined) visit(node.value, i);
    }
  }
}
