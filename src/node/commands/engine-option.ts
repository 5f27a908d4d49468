import { Option } from "commander";
import { ENGINE_CHOICES, type EngineChoice } from "../../types.ts";

/** The flag `--engine`, as every command that loads a model has it. */
export function engineOption(standard: EngineChoice = "auto"): Option {
  return new Option("--engine <name>", "what executes the model's graph")
    .choices([...ENGINE_CHOICES])
    .default(standard);
}
