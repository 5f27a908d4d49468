import { wholeProgram } from "../../src/node/command-line.ts";
import { manPage } from "../../src/node/shell/man-page.ts";
import { VERSION } from "../../src/node/version.ts";
import type { Terminal } from "../../src/node/view/terminal.ts";

/** docs/klatch.1, the man page. */
export async function manReference(): Promise<string> {
  return manPage(await wholeProgram(nowhere), VERSION);
}

// --- internal ---

const nothing = () => undefined;
/** No command is run. */
const nowhere: Terminal = {
  ...{ columns: null, line: nothing, json: nothing },
  ...{ overwrite: nothing, note: nothing, fail: nothing },
};
