import type { Command } from "commander";

/** Adds to the help of a command, and of each of its parts, what one types. */
export function addExamples(command: Command, path: string): void {
  const lines = EXAMPLES[path] ?? [];
  const text = lines.map((line) => `  klatch ${line}`).join("\n");
  if (lines.length > 0) command.addHelpText("after", `\nExamples:\n${text}`);
  for (const part of command.commands) addExamples(part, `${path} ${part.name()}`);
}

const CONFIG = "--config org/klatch.yaml";

/** By the words of the command; each line without `klatch`. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  init: ["init org", "init org --network-key"],
  run: ["run create", "run create org --name clinics --seats 4 --data notes.jsonl"],
  "run create": [
    "run create",
    "run create org --name clinics --seats 4 --data notes.jsonl",
    "run create org --name c --seats 9 --standing --data a.csv --model DIR",
  ],
  join: ["join TICKET org --data notes.jsonl"],
  start: ["start", `start ${CONFIG} --engine onnx:cpu`],
  status: ["status", `status ${CONFIG} --json`],
  top: ["top", "top --url http://127.0.0.1:8800", `top ${CONFIG} --json`],
  peers: ["peers --full", "peers --url http://127.0.0.1:8800"],
  rounds: ["rounds --limit 20", "rounds --csv"],
  runs: ["runs", "runs --data-dir org/.klatch"],
  train: ["train --data notes.jsonl --out alone --steps 200"],
  doctor: ["doctor", `doctor ${CONFIG} --json`],
  eval: ["eval --data test.jsonl", "eval --data test.jsonl --adapter exported"],
  generate: ['generate --prompt "Once upon a time"', "generate --prompt Hello --seed 7"],
  predict: ["predict --data questions.jsonl --out answers.jsonl --adapter exported"],
  export: ["export --out exported", "export --out whole --merged --merged-dtype bf16"],
  verify: ["verify exported", "verify org/.klatch"],
  report: ["report org --out report", "report org --out report --watts 300"],
  member: ["member propose add PEER --out add.json", "member list"],
  "member propose": [
    "member propose add PEER --out add.json",
    "member propose set --rounds 80 --out set.json",
  ],
  "member sign": ["member sign add.json"],
  "member submit": [`member submit add.json ${CONFIG}`],
  "member list": ["member list", `member list ${CONFIG} --json`],
  bench: ["bench engines", "bench train --engine onnx:cpu"],
  "bench train": ["bench train", "bench train --shape smollm2-135m --seq 512 --batch 4"],
  "bench generate": ["bench generate --prompt 64 --tokens 64"],
  "bench engines": ["bench engines", "bench engines --engines onnx:cpu,tfjs:cpu"],
  "bench bytes-to-loss": ["bench bytes-to-loss --model DIR --data domains --codecs int8,sign"],
  "bench codec": ["bench codec", "bench codec --values 1000000"],
  testnet: ["testnet run --data rows.jsonl --peers 4 --partition iid", "testnet status"],
  "testnet run": [
    "testnet run --data rows.jsonl --peers 4 --partition iid",
    "testnet run --data domains --peers 10 --attack sign-flip --attackers 2",
    "testnet run --scenario testnet/scenarios/hospital.yaml",
  ],
  "testnet up": ["testnet up --data rows.jsonl --peers 4 --partition iid"],
  "testnet status": ["testnet status", "testnet status --json"],
  "testnet down": ["testnet down"],
  "testnet ui": ["testnet ui"],
  "testnet logs": ["testnet logs", "testnet logs 2 --follow"],
  "testnet chaos": ["testnet chaos kill 2", "testnet chaos restart 2"],
  "testnet chaos kill": ["testnet chaos kill 2"],
  "testnet chaos restart": ["testnet chaos restart 2"],
  "testnet chaos pause": ["testnet chaos pause 2"],
  "testnet chaos resume": ["testnet chaos resume 2"],
  "testnet matrix": ["testnet matrix --data domains --report matrix --simulate"],
  sim: ["sim run --peers 50 --rounds 20", "sim theory"],
  "sim run": ["sim run --peers 50 --rounds 20", "sim run --mode agreed --loss-rate 0.1"],
  "sim theory": ["sim theory", "sim theory --json"],
  service: ["service install --config org/klatch.yaml", "service status"],
  "service install": [`service install ${CONFIG}`, `service install ${CONFIG} --system --print`],
  "service uninstall": ["service uninstall"],
  "service status": ["service status --json"],
  completion: [
    "completion bash > ~/.local/share/bash-completion/completions/klatch",
    'completion zsh > "$HOME/.zfunc/_klatch"',
    "completion fish > ~/.config/fish/completions/klatch.fish",
  ],
};
