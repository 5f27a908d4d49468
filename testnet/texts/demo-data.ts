import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "../../src/random.ts";
import { type MessageRow, messageRow } from "./organisation.ts";
import { ORGANISATIONS } from "./pretraining-text.ts";

export interface DemoDataOptions {
  readonly seed: number;
  readonly rowsPerOrganisation: number;
  /** Rows of the common test set, the same number from each organisation. */
  readonly testRows: number;
}

/** Where the demonstration's data were written. */
export interface DemoData {
  /** One training file for each organisation; nobody else sees it. */
  readonly train: readonly string[];
  /** Rows of all organisations, none of which is in a training file. */
  readonly test: string;
}

const asLines = (rows: readonly MessageRow[]) =>
  `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`;

/**
 * Writes the private training data of the four organisations and a common test set as JSON Lines: train/NAME.jsonl and
 * test.jsonl in `folder`. The same seed gives the same bytes.
 */
export async function writeDemoData(folder: string, options: DemoDataOptions): Promise<DemoData> {
  const { seed, rowsPerOrganisation, testRows } = options;
  await mkdir(join(folder, "train"), { recursive: true });
  const train: string[] = [];
  const test: MessageRow[] = [];
  for (const [i, organisation] of ORGANISATIONS.entries()) {
    const random = seededRandom(seed * 1000 + i);
    // Test rows come first and bar their prompts from the training file.
    const rows = new Map<string, MessageRow>();
    while (rows.size < Math.ceil(testRows / ORGANISATIONS.length) + rowsPerOrganisation) {
      const row = messageRow(organisation, random);
      rows.set(row.prompt, row);
    }
    const all = [...rows.values()];
    const own = all.length - rowsPerOrganisation;
    test.push(...all.slice(0, own));
    const file = join(folder, "train", `${organisation.name}.jsonl`);
    await writeFile(file, asLines(all.slice(own)));
    train.push(file);
  }
  const testFile = join(folder, "test.jsonl");
  await writeFile(testFile, asLines(test.slice(0, testRows)));
  return { train, test: testFile };
}
