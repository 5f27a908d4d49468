import type { ChainHead } from "../../../consensus/index.ts";
import type { PeerId } from "../../../types.ts";
import type { PeerParts } from "../peer-parts.ts";

/**
 * Asks a member for all that it holds of a height, which goes through the door, and for the final block below it.
 *
 * @returns whether it told, and is in that height itself
 */
export async function hasToldAll(
  network: Pick<PeerParts["network"], "exchangeAgreement" | "fetchChain">,
  peer: PeerId,
  { height, parent }: Pick<ChainHead, "height" | "parent">,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await network.exchangeAgreement(peer))) return false;
  const page = await network.fetchChain(peer, Math.max(0, height - 1), { signal });
  if (!page.ok) return false;
  const digests = page.entries.map(({ digest }) => digest);
  return height === 0 ? digests.length === 0 : digests.length === 1 && digests[0] === parent;
}
