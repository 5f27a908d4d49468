import type { Command } from "commander";
import type { Terminal } from "../view/terminal.ts";
import { addModelOptions, type ModelFlags, openModel } from "./model-use.ts";
import { decimalNumber, required, wholeNumber } from "./number-flags.ts";

/**
 * `klatch generate`: continues a prompt. With an adapter that was trained on prompts, the prompt is written as it was
 * in training.
 */
export function define(command: Command, terminal: Terminal): void {
  addModelOptions(command);
  command
    .option("--prompt <text>", "what to continue (required)")
    .option("--max-tokens <n>", "longest continuation", wholeNumber(1, 100_000), 64)
    .option("--temperature <t>", "0 takes the likeliest token", decimalNumber(0, 100), 0)
    .option("--seed <n>", "seed of the draw", wholeNumber(0, 4_294_967_295), 1)
    .action(async (flags: GenerateFlags) => {
      const prompt = required("--prompt", flags.prompt);
      const { maxTokens, temperature, seed } = flags;
      const { learner, adapter } = await openModel(flags, terminal);
      try {
        const text = await learner.generate(adapter, { prompt, maxTokens, temperature, seed });
        if (flags.json === true) terminal.json({ text });
        else terminal.line(text);
      } finally {
        await learner.close();
      }
    });
}

// --- internal ---

interface GenerateFlags extends ModelFlags {
  readonly prompt?: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly json?: boolean;
}
