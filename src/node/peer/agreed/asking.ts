import type { ChainHead, Link } from "../../../consensus/index.ts";
import type { PeerId } from "../../../types.ts";
import type { PeerParts } from "../peer-parts.ts";

type Asked = Pick<PeerParts["network"], "exchangeAgreement" | "fetchChain">;
/** The end of a chain. */
type Position = Pick<ChainHead, "height" | "parent">;

/** What the first of these peers has that is final, on the end of a chain. */
export async function chainOf(
  network: Asked,
  peers: readonly PeerId[],
  { height, parent }: Position,
  signal: AbortSignal,
): Promise<readonly Link[]> {
  for (const peer of peers) {
    if (signal.aborted) break;
    const page = await network.fetchChain(peer, height, { signal });
    // a page is a chain in itself: on another parent it is another chain
    if (page.ok && page.entries[0]?.block.parent === parent) return page.entries;
  }
  return [];
}

/**
 * Asks a member for all that it holds of a height, which goes through the door, and for the final block below it.
 *
 * @returns whether it told, and is in that height itself
 */
export async function hasToldAll(
  network: Asked,
  peer: PeerId,
  { height, parent }: Position,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await network.exchangeAgreement(peer))) return false;
  const page = await network.fetchChain(peer, Math.max(0, height - 1), { signal });
  if (!page.ok) return false;
  const digests = page.entries.map(({ digest }) => digest);
  return height === 0 ? digests.length === 0 : digests.length === 1 && digests[0] === parent;
}
