import { basename, join } from "node:path";
import type { ExampleFormat } from "../../data/examples/example.ts";
import { ifThere, readText, writeWhole } from "../../files/file-access.ts";
import type { AdapterExport } from "./adapter-export.ts";

/** Stands in every card that a program wrote: one that a person wrote is never replaced. */
export const CARD_MARK = "<!-- written by klatch: remove this line to keep your own text -->";

/** The hub's form of a model's name, with its organisation or without. */
const HUB_NAME = /^[A-Za-z0-9][\w.-]*(\/[\w.-]+)?$/;

/** Kinds that PEFT cannot load, by its own name of them. */
const OWN_KINDS: readonly unknown[] = ["BOTTLENECK"];

/** What lies beside the card: an adapter, or a whole model that it was folded into. */
export type CardForm = "adapter" | "merged";

/** Writes the card of a folder. One that somebody wrote, or took over, stays. */
export async function writeCard(
  folder: string,
  adapter: AdapterExport,
  form: CardForm,
): Promise<void> {
  const file = join(folder, CARD_FILE);
  const there = await ifThere(readText(file, CARD_BYTES_MAX));
  if (there === null || there.includes(CARD_MARK)) await writeWhole(file, modelCard(adapter, form));
}

/** README.md as model hubs read it: what the adapter is for, how it came about, how a prompt is laid out. */
export function modelCard(adapter: AdapterExport, form: CardForm = "adapter"): string {
  const { baseModel, config, origin, classes } = adapter;
  const { peft_type: kindName } = config;
  const kind = String(kindName ?? "adapter");
  const base = baseModel.startsWith("/") ? basename(baseModel) : baseModel;
  return `${[
    ...(form === "adapter" ? frontMatter(adapter, base, kind) : mergedMatter(adapter, base)),
    CARD_MARK,
    "",
    form === "adapter" ? `# ${kind} adapter for ${base}` : `# ${base}, fine-tuned`,
    "",
    introduction(adapter),
    "",
    "| | |",
    "|---|---|",
    ...rows([
      [
        "base model",
        `\`${base}\`${adapter.baseRevision ? ` at commit \`${adapter.baseRevision}\`` : ""}`,
      ],
      ["digest of its weights", `\`${adapter.baseDigest}\``],
      ["method", `${method(config, kind)}${form === "adapter" ? "" : ", folded into the weights"}`],
      ["numbers that were trained", String(adapter.layout.length)],
      ...(classes
        ? [
            [
              "classes",
              `${classes.length}, named in ${form === "adapter" ? "klatch" : "config"}.json`,
            ] as const,
          ]
        : []),
      ...(origin ? [["run", `\`${origin.runId}\``] as const] : []),
      ...(origin ? [["round", roundText(adapter)] as const] : []),
      ...(adapter.story?.figures ?? []),
    ]),
    "",
    "## Data and prompts",
    "",
    classes ? CLASSIFIED : layoutText(adapter),
    "",
    "## Use",
    "",
    ...(form === "adapter" ? usage(adapter, base, kind) : mergedUsage(adapter)),
  ].join("\n")}\n`;
}

// --- internal ---

const CARD_FILE = "README.md";
const CARD_BYTES_MAX = 1 << 20;

const CLASSIFIED =
  "Trained on texts or images with their classes. The input is the text or image alone; the answer is one of the classes.";

function frontMatter({ licence, classes }: AdapterExport, base: string, kind: string): string[] {
  const isNamed = HUB_NAME.test(base);
  return [
    "---",
    ...(isNamed ? [`base_model: ${base}`, "base_model_relation: adapter"] : []),
    "library_name: peft",
    ...(licence ? [`license: ${licence}`] : []),
    // For images the hub has another one, and the base model says so.
    ...(classes ? [] : ["pipeline_tag: text-generation"]),
    "tags:",
    ...(isNamed ? [`- base_model:adapter:${base}`] : []),
    `- ${kind.toLowerCase().replaceAll("_", "-")}`,
    "- klatch",
    "---",
  ];
}

function mergedMatter({ licence, classes }: AdapterExport, base: string): string[] {
  return [
    "---",
    ...(HUB_NAME.test(base) ? [`base_model: ${base}`, "base_model_relation: finetune"] : []),
    "library_name: transformers",
    ...(licence ? [`license: ${licence}`] : []),
    ...(classes ? [] : ["pipeline_tag: text-generation"]),
    "tags:",
    "- klatch",
    "---",
  ];
}

function introduction({ origin, story }: AdapterExport): string {
  if (!origin || story?.run?.members === 1) {
    return "Fine-tuned with Klatch, by one party on its own data.";
  }
  const who = story?.run ? `${story.run.members} members` : "several members";
  return `Fine-tuned with Klatch: the ${who} of a run trained it together, peer to peer, and none shared its data.`;
}

function roundText({ origin, story }: AdapterExport): string {
  const of = story?.run ? ` of ${story.run.rounds}` : "";
  return `${origin?.round}${of}`;
}

function method(
  { r, lora_alpha: alpha, target_modules: targets }: AdapterExport["config"],
  kind: string,
) {
  const rank = r === undefined ? "" : `, rank ${r}, alpha ${alpha}`;
  return `${kind}${rank}${Array.isArray(targets) ? `, on ${targets.join(", ")}` : ""}`;
}

function layoutText(adapter: AdapterExport): string {
  const behind = adapter.promptEnd ?? "";
  const texts: Readonly<Record<ExampleFormat, string>> = {
    text: "Trained on plain texts. A prompt is the beginning of a text, as it is.",
    prompt: `Trained on prompts with their completions. ${behind === "" ? "A prompt is given as it is." : `Behind a prompt stands ${JSON.stringify(behind)}: the model was trained with it and answers after it.`}`,
    alpaca:
      "Trained on instructions with their answers. A prompt is laid out in Stanford Alpaca's template.",
    chat: "Trained on conversations. A prompt is laid out by the tokenizer's chat template (`apply_chat_template` with `add_generation_prompt=True`).",
  };
  return texts[adapter.format];
}

function usage({ classes, promptEnd = "", format }: AdapterExport, base: string, kind: string) {
  const klatch = `\`klatch ${classes ? "eval --data FILE" : 'generate --prompt "..."'} --model ${base} --adapter FOLDER\``;
  if (OWN_KINDS.includes(kind)) return [`PEFT does not know this method: ${klatch}.`];
  const task = classes ? "SequenceClassification" : "CausalLM";
  const end = format === "prompt" && promptEnd !== "" ? ` + ${JSON.stringify(promptEnd)}` : "";
  const code = [
    "```python",
    `from peft import AutoPeftModelFor${task}`,
    "from transformers import AutoTokenizer",
    "",
    `model = AutoPeftModelFor${task}.from_pretrained("FOLDER"${classes ? `, num_labels=${classes.length}` : ""})`,
    `tokenizer = AutoTokenizer.from_pretrained(${JSON.stringify(base)})`,
    ...(classes
      ? []
      : [`inputs = tokenizer(prompt${end}, return_tensors="pt")`, "model.generate(**inputs)"]),
    "```",
  ];
  return [`With PEFT, or ${klatch}:`, "", ...code];
}

function mergedUsage({ classes, promptEnd = "", format }: AdapterExport): string[] {
  const klatch = `\`klatch ${classes ? "eval --data FILE" : 'generate --prompt "..."'} --model FOLDER\``;
  const end = format === "prompt" && promptEnd !== "" ? ` + ${JSON.stringify(promptEnd)}` : "";
  const name = `AutoModelFor${classes ? "SequenceClassification" : "CausalLM"}`;
  const code = [
    "```python",
    `from transformers import ${name}, AutoTokenizer`,
    "",
    `model = ${name}.from_pretrained("FOLDER")`,
    'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
    ...(classes
      ? []
      : [`inputs = tokenizer(prompt${end}, return_tensors="pt")`, "model.generate(**inputs)"]),
    "```",
  ];
  return [`With transformers, without an adapter, or ${klatch}:`, "", ...code];
}

function rows(cells: readonly (readonly [string, string])[]): string[] {
  return cells.map((pair) => `| ${pair.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
}
