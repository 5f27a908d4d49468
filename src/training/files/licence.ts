import { join } from "node:path";
import { ifThere, readText } from "./file-access.ts";

const TEXT_BYTES_MAX = 1 << 20;

/** Licences by how their texts begin, with their names on hubs. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^\s*Apache License\s+Version 2\.0/, "apache-2.0"],
  [/^\s*(The )?MIT License/, "mit"],
];

/**
 * The licence of a model by the name that hubs give it: as the head of its README.md says, else by the text of its
 * LICENSE; null where neither tells.
 */
export async function readLicence(folder: string): Promise<string | null> {
  const read = (name: string) => ifThere(readText(join(folder, name), TEXT_BYTES_MAX));
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec((await read("README.md")) ?? "")?.[1] ?? "";
  const named = /^license:\s*["']?([A-Za-z0-9.-]{1,64})["']?\s*$/m.exec(head)?.[1];
  if (named !== undefined) return named;
  for (const name of ["LICENSE", "LICENSE.txt", "LICENSE.md"]) {
    const text = (await read(name)) ?? "";
    const known = TEXTS.find(([beginning]) => beginning.test(text));
    if (known !== undefined) return known[1];
  }
  return null;
}
