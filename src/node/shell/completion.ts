import type { CommandWords, FlagWords } from "./words.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A script that makes a shell complete the commands of `klatch`. It is whole: no program runs while somebody types. */
export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  return { bash, zsh, fish }[shell](commands);
}

// --- internal ---

function bash(commands: readonly CommandWords[]): string {
  const words = ({ parts, flags }: CommandWords) => [...parts, ...flags].map(({ name }) => name);
  return `# bash completion of klatch: made by \`klatch completion bash\`
_klatch() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" at="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${at:+$at }\${COMP_WORDS[i]}" in
      ${pathPattern(commands)}) at="\${at:+$at }\${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$at $before" in
${valueCases(commands, (choices) => `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$word")); return`, "return")}
  esac
  case "$at" in
${commands.map((command) => `    "${command.path}") COMPREPLY=($(compgen -W "${words(command).join(" ")}" -- "$word")) ;;`).join("\n")}
  esac
}
complete -o default -F _klatch klatch
`;
}

function zsh(commands: readonly CommandWords[]): string {
  const line = ({ path, parts, flags }: CommandWords) => {
    const described = [...parts, ...flags].map(
      ({ name, summary }) => `'${zshText(name)}:${zshText(summary)}'`,
    );
    return `    "${path}") words=(${described.join(" ")}) ;;`;
  };
  return `#compdef klatch
# zsh completion of klatch: made by \`klatch completion zsh\`
_klatch() {
  local at="" before="\${words[CURRENT-1]}" i
  for ((i = 2; i < CURRENT; i++)); do
    case "\${at:+$at }\${words[i]}" in
      ${pathPattern(commands)}) at="\${at:+$at }\${words[i]}" ;;
    esac
  done
  case "$at $before" in
${valueCases(commands, (choices) => `compadd -- ${choices.map((choice) => `'${choice}'`).join(" ")}; return`, "_files; return")}
  esac
  local -a words
  case "$at" in
${commands.map(line).join("\n")}
  esac
  _describe -o klatch words
  _files
}
compdef _klatch klatch
`;
}

function fish(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ path, parts, flags }) => [
    ...parts.map(
      ({ name, summary }) => `${at(path)} -f -a ${fishText(name)} -d ${fishText(summary)}`,
    ),
    ...flags.map((flag) => `${at(path)} ${fishFlag(flag)} -d ${fishText(flag.summary)}`),
  ]);
  return `# fish completion of klatch: made by \`klatch completion fish\`
function __klatch_at
  set -l at ""
  for word in (commandline -opc)[2..]
    switch (string trim "$at $word")
      case ${commands.flatMap(({ path }) => (path === "" ? [] : [fishText(path)])).join(" ")}
        set at (string trim "$at $word")
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}
`;
}

/** Every path as a pattern of \`case\`. */
function pathPattern(commands: readonly CommandWords[]): string {
  return commands.flatMap(({ path }) => (path === "" ? [] : [`"${path}"`])).join("|");
}

/** What follows flags that take something: \`case\` lines that end the function, those alike on one. */
function valueCases(
  commands: readonly CommandWords[],
  choose: (choices: readonly string[]) => string,
  free: string,
): string {
  const patterns = new Map<string, string[]>();
  for (const { path, flags } of commands) {
    for (const { name, takes } of flags) {
      if (takes === "nothing") continue;
      const body = typeof takes === "string" ? free : choose(takes);
      patterns.set(body, [...(patterns.get(body) ?? []), `"${path} ${name}"`]);
    }
  }
  return [...patterns].map(([body, all]) => `    ${all.join("|")}) ${body} ;;`).join("\n");
}

/** For a description of \`_describe\`, in single quotes. */
function zshText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(":", "\\:").replaceAll("'", "'\\''");
}

function at(path: string): string {
  return `complete -c klatch -n ${fishText(`__klatch_at ${fishText(path)}`)}`;
}

function fishText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function fishFlag({ name, takes }: FlagWords): string {
  const flag = `-l ${fishText(name.replace(/^--/, ""))}`;
  if (takes === "nothing") return `${flag} -f`;
  if (takes === "file") return `${flag} -r -F`;
  return takes === "text" ? `${flag} -x` : `${flag} -x -a ${fishText(takes.join(" "))}`;
}
