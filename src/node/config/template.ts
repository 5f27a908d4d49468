import { stringify } from "yaml";
import { configTree, type Field, isSection, type Section } from "./fields.ts";

/**
 * The configuration file that `klatch init` writes: every key with its description, its bounds and its default,
 * commented out but for those in `values`.
 *
 * @param remarks - more comments for its head, a line each
 */
export function configTemplate(
  values: Readonly<Record<string, unknown>>,
  remarks: readonly string[] = [],
): string {
  const lines = [
    "# Configuration of a Klatch node. Every key is shown with its default; remove the # to change one.",
    "# Precedence: this file < environment (KLATCH_RUN_ROUNDS=10) < flags (--run-rounds 10).",
    "# Relative paths start at the folder of this file.",
    ...remarks.map((remark) => `# ${remark}`.trimEnd()),
    "",
    ...render(configTree(), values, ""),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

// --- internal ---

function render(
  section: Section,
  values: Readonly<Record<string, unknown>>,
  indent: string,
): readonly string[] {
  return section.members.flatMap((member) => {
    if (!isSection(member)) return renderField(member, values, indent);
    const name = member.key.slice(member.key.lastIndexOf(".") + 1);
    return [
      `${indent}# ${member.description}`,
      `${indent}${name}:`,
      ...render(member, values, `${indent}  `),
      "",
    ];
  });
}

function renderField(
  field: Field,
  values: Readonly<Record<string, unknown>>,
  indent: string,
): readonly string[] {
  const name = field.key.slice(field.key.lastIndexOf(".") + 1);
  const isSet = field.key in values;
  const bounds = field.bounds === "" ? "" : ` (${field.bounds})`;
  const body = stringify({ [name]: (isSet ? values[field.key] : field.default) ?? null })
    .trimEnd()
    .split("\n")
    .map((line) => `${indent}${isSet ? "" : "# "}${line}`);
  return [`${indent}# ${field.description}${bounds}`, ...body];
}
