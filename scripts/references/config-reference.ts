import { configTree, type Field, isSection, type Section } from "../../src/node/config/fields.ts";
import { markdownTable } from "../../src/node/view/table.ts";

const HEAD = `# Configuration

Every key of \`klatch.yaml\`. Flags win over the environment, that over the file, and that over the defaults. A flag is the key with dashes
(\`run.batchSize\`: \`--run-batch-size\`), a variable the key in capitals (\`KLATCH_RUN_BATCH_SIZE\`). Keys of the section \`run\` are alike on every member, but for
those that say otherwise. Made from the code by \`node scripts/references.ts\`.
`;

/** Every key of the configuration with its default and bounds, a table for each section. */
export function configReference(): string {
  return [HEAD, ...sectionsOf(configTree(), 2)].join("\n");
}

// --- internal ---

function sectionsOf({ key, description, members }: Section, depth: number): readonly string[] {
  const fields = members.filter((member): member is Field => !isSection(member));
  const inner = members.filter(isSection);
  const rows = fields.map((field) => [
    `\`${field.key}\``,
    defaultText(field.default),
    field.bounds.replaceAll(" | ", ", "),
    field.description,
  ]);
  return [
    `${"#".repeat(depth)} ${key === "" ? "The node" : `\`${key}\``}\n`,
    ...(description === "" ? [] : [`${description}\n`]),
    ...(rows.length === 0
      ? []
      : [`${markdownTable(["key", "default", "values", "what"], rows)}\n`]),
    ...inner.flatMap((section) => sectionsOf(section, key === "" ? depth : depth + 1)),
  ];
}

function defaultText(value: unknown): string {
  if (value === undefined || value === null || value === "") return "";
  return `\`${JSON.stringify(value)}\``;
}
