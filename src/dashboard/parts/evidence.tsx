import type { Evidence } from "../../types.ts";
import { counted, short } from "../words.ts";
import { Section } from "./section.tsx";

const SHOWN = 10;

/** What peers were seen to do, the newest first. */
export function EvidenceList({ evidence }: { readonly evidence: readonly Evidence[] }) {
  const newest = evidence.slice(-SHOWN).reverse();
  const more = evidence.length - newest.length;
  return (
    <Section id="evidence" title="Evidence" note={more > 0 ? `and ${more} before` : undefined}>
      {newest.length === 0 ? (
        <p class="nothing">Nobody was seen to do anything wrong.</p>
      ) : (
        <ul class="lines" aria-label={counted(newest.length, "observation")}>
          {newest.map(({ peer, round, kind, at, detail }) => (
            <li key={`${at} ${peer} ${kind}`}>
              <code title={peer}>{short(peer)}</code>
              <strong>{kind}</strong>
              <span class="note">
                round {round}
                {detail === undefined ? null : (
                  <>
                    , <bdi>{detail}</bdi>
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
