import { Option } from "commander";
import { ENGINE_CHOICES } from "../../types.ts";

/** The flag `--engine`, as every command that loads a model has it. */
export function engineOption(): Option {
  return new Option("--engine <name>", "what executes the model's graph")
    .choices([...ENGINE_CHOICES])
    .default("auto");
}
