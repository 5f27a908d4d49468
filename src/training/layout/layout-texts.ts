import { z } from "zod";
import { parseJson } from "../../json.ts";
import type { AdapterLayout, Digest } from "../../types.ts";
import { makeLayout, textDigest } from "./slots.ts";

const namedSchema = z
  .array(
    z.tuple([
      z.string().max(1000),
      z
        .array(
          z
            .int()
            .min(1)
            .max(2 ** 31),
        )
        .max(8),
    ]),
  )
  .min(1);
type Named = z.output<typeof namedSchema>;

/** Where the tensors of an adapter lie, by the texts of its layout; null where these do not lead to the digest. */
export function layoutIn(
  texts: readonly string[],
  digest: Digest,
): Pick<AdapterLayout, "tensors" | "length"> | null {
  const named = namesIn(texts, digest);
  return named && makeLayout(named);
}

// --- internal ---

/** Names and shapes in the layout's order; null where the texts do not lead to the digest. */
function namesIn(texts: readonly string[], digest: Digest): Named | null {
  const named: Named = [];
  let below: Digest | null = null;
  for (const text of texts) {
    const part = namesOf(text, below);
    if (part === null) return null;
    named.push(...part);
    below = textDigest(text);
  }
  const isOnce = new Set(named.map(([name]) => name)).size === named.length;
  return below === digest && isOnce ? named : null;
}

function namesOf(text: string, below: Digest | null): Named | null {
  const parsed = z.array(z.unknown()).safeParse(parseJson(text));
  if (!parsed.success) return null;
  if (below === null) return namedSchema.safeParse(parsed.data).data ?? null;
  const [first, ...rest] = parsed.data;
  if (first !== below) return null;
  const found = rest.map((each) => namedSchema.safeParse(each)).find(({ success }) => success);
  return found?.data ?? null;
}
