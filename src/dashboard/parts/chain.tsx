import type { ChainBlock, NodeStatus } from "../../node/records/records.ts";
import { bytes, short } from "../words.ts";
import { Section } from "./section.tsx";

/** Mode agreed: the newest blocks, and who has signed each. */
export function Chain({
  chain,
  status,
}: {
  readonly chain: readonly ChainBlock[];
  readonly status: NodeStatus;
}) {
  const quorum = status.agreed?.quorum ?? 0;
  return (
    <Section id="chain" title="Chain" note={`a block takes ${quorum} signatures`}>
      {chain.length === 0 ? (
        <p class="nothing">No block yet.</p>
      ) : (
        <ol class="lines chain">
          {[...chain].reverse().map((block, index) => (
            <Block key={block.block} block={block} isHead={index === 0} />
          ))}
        </ol>
      )}
    </Section>
  );
}

// --- internal ---

/** Members up to which each signature is a dot of its own. */
const DOTS_MAX = 16;

function Block({ block, isHead }: { readonly block: ChainBlock; readonly isHead: boolean }) {
  const { round, view, members, signers, cut, certificateBytes } = block;
  const signed = `${signers.length} of ${members} signed`;
  return (
    <li class={isHead ? "head" : ""}>
      <span class="number">{round}</span>
      <code title={block.block}>{block.block.slice(0, 12)}</code>
      <span class="signed" role="img" aria-label={signed} title={signers.map(short).join(" ")}>
        {members > DOTS_MAX
          ? signed
          : Array.from({ length: members }, (_, place) => (
              <span key={place} class={place < signers.length ? "signature" : "signature none"} />
            ))}
      </span>
      <span class="note">
        {cut.length} updates{view > 0 ? `, view ${view}` : ""}
        {isHead ? `, certificate ${bytes(certificateBytes)}` : ""}
      </span>
    </li>
  );
}
