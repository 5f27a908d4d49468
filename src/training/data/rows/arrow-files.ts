import { basename, dirname, extname, join } from "node:path";

const ENDINGS: readonly string[] = [".arrow", ".feather"];

export function isArrow(file: string): boolean {
  return ENDINGS.includes(extname(file).toLowerCase());
}

/** The command that exports the Arrow files of a folder, by all that lies in it; null when there are none. */
export function exportFolder(folder: string, files: readonly string[]): string | null {
  const [first, ...more] = files.filter(isArrow);
  if (first === undefined) return null;
  const saved = files.find((name) => basename(name) === "state.json");
  if (saved === undefined) {
    return more.length === 0 ? exportFile(join(folder, first)) : exportAll(shown(folder, "FOLDER"));
  }
  const load = `from datasets import load_from_disk; data = load_from_disk('${shown(folder, "FOLDER")}')`;
  // A set of splits has a folder for each.
  return dirname(saved) === "."
    ? command(`${load}; data.to_json('train.jsonl')`)
    : command(`${load}; [data[name].to_json(name + '.jsonl') for name in data]`);
}

/** The command that exports one Arrow file. */
export function exportFile(file: string): string {
  const path = shown(file, "FILE");
  const out = `${shown(basename(file, extname(file)), "rows")}.jsonl`;
  return extname(file).toLowerCase() === ".feather"
    ? command(
        `import pandas; pandas.read_feather('${path}').to_json('${out}', orient='records', lines=True)`,
      )
    : command(`from datasets import Dataset; Dataset.from_file('${path}').to_json('${out}')`);
}

// --- internal ---

function exportAll(folder: string): string {
  const each = "Dataset.from_file(file).to_json(file[:-6] + '.jsonl')";
  const files = `glob.glob('${folder}/**/*.arrow', recursive=True)`;
  return command(`import glob; from datasets import Dataset; [${each} for file in ${files}]`);
}

function command(program: string): string {
  return `export it as JSON Lines: python3 -c "${program}"`;
}

/** A path, unless Python or a shell would read its marks. */
function shown(path: string, otherwise: string): string {
  return /['"\\$`\n]/.test(path) ? otherwise : path;
}
