import { byPeer } from "../../../consensus/index.ts";
import { decodeEntry } from "../../../gossip/index.ts";
import type { ChainBlock } from "../../records/records.ts";
import type { PeerParts } from "../peer-parts.ts";

/**
 * The last `limit` final blocks of mode `agreed` but the newest `offset`, oldest first, each with whom it counts and who
 * has signed it. Blocks that another version wrote are left out.
 *
 * @param blocks - final blocks that there are
 */
export function toldChain(
  { store, run, neighbourhoods }: Pick<PeerParts, "store" | "run" | "neighbourhoods">,
  blocks: number,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): readonly ChainBlock[] {
  const end = Math.max(0, blocks - offset);
  const from = Math.max(0, end - limit);
  if (from === end) return [];
  return store.chain(run, from, end - from).flatMap((bytes) => {
    const entry = decodeEntry(bytes);
    if (entry === null) return [];
    const { block, digest, certificate } = entry;
    const members = [...neighbourhoods.at(block.height).members].sort(byPeer);
    const peersOf = (places: readonly { readonly place: number }[]) =>
      places.map(({ place }) => members[place] ?? "");
    return {
      round: block.height,
      block: digest,
      parent: block.parent,
      checkpoint: block.checkpoint,
      view: certificate.view,
      members: members.length,
      ballots: peersOf(block.ballots),
      cut: block.cut.map((place) => members[place] ?? ""),
      signers: peersOf(certificate.signatures),
      blockBytes: bytes.block.length,
      certificateBytes: bytes.certificate.length,
    };
  });
}
