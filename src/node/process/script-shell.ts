/** How often it is looked whether the shell is still there, ms. */
const LOOK_MS = 500;

/** Scripts of this package that run the program itself; npx is a script of npm's own. */
const SCRIPTS = ["klatch", "start"];

export interface ProcessFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ppid: number;
}

/**
 * Tells once when the shell is gone that npm ran this program in. npm passes its signals on to that shell, which dies
 * of them and leaves the program behind: the program has to notice. Nothing is told of a program that a person or a
 * service manager started: to be left by those is their way to run it in the background. Returns the function that
 * calls it off.
 */
export function onScriptShellGone(tell: () => void, facts: ProcessFacts = process): () => void {
  if (!isScript(facts.env)) return () => undefined;
  const { ppid: shell } = facts;
  let isMissing = false;
  const timer = setInterval(() => {
    // At the second look: of a Ctrl-C, which the shell dies of too, this process has heard by then.
    if (isMissing) {
      clearInterval(timer);
      tell();
    }
    isMissing = facts.ppid !== shell;
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}

// --- internal ---

function isScript({ npm_lifecycle_event: script, npm_package_name: name }: ProcessFacts["env"]) {
  if (script === undefined) return false;
  return script === "npx" || (name === "klatch" && SCRIPTS.includes(script));
}
