/** Liars that n members bear, and how many members agreement takes: two quorums share an honest one. */
export function attackersOf(members: number): number {
  return Math.floor((members - 1) / 3);
}

export function quorumOf(members: number): number {
  return Math.floor((members + attackersOf(members)) / 2) + 1;
}
