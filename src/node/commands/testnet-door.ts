import { extname } from "node:path";

/**
 * Loads a module of `testnet/` by its path there, without ending. It is built upon nodes, so that it is loaded by
 * name: nothing here depends on it. The relative place is the same in a checkout (`.ts`) and in the built package
 * (`.js`).
 */
export async function loadTestnetModule<T>(path: string): Promise<T> {
  const file = new URL(`../../../testnet/${path}${extname(import.meta.url)}`, import.meta.url);
  return (await import(file.href)) as T;
}
