import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { onScriptShellGone } from "../../../../src/node/process/script-shell.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const script = (name: string, lifecycle: string) => ({
  npm_package_name: name,
  npm_lifecycle_event: lifecycle,
});

/** Whether it is told, of a program started so, that its shell is gone. */
function isTold(env: Readonly<Record<string, string>>): boolean {
  const facts = { env, ppid: 42 };
  let told = 0;
  const callOff = onScriptShellGone(() => void told++, facts);
  vi.advanceTimersByTime(5000);
  expect(told).toBe(0);
  facts.ppid = 1;
  vi.advanceTimersByTime(5000);
  callOff();
  return told === 1;
}

describe("the end of the shell that runs a script", () => {
  test.each([
    ["npm run klatch", script("klatch", "klatch")],
    ["npm start", script("klatch", "start")],
    ["npx klatch", script("somebody", "npx")],
  ])("is told to %s, once", (_, env) => {
    expect(isTold(env)).toBe(true);
  });

  test.each([
    ["a shell that was left", {}],
    ["a script of another package", script("somebody", "start")],
    ["a test of this package", script("klatch", "test")],
  ])("is nothing to a program of %s", (_, env) => {
    expect(isTold(env)).toBe(false);
  });

  test("is not told when it has been called off, nor at the first look: a Ctrl-C comes first", () => {
    const facts = { env: script("klatch", "klatch"), ppid: 42 };
    const tell = vi.fn();
    const callOff = onScriptShellGone(tell, facts);
    facts.ppid = 1;
    vi.advanceTimersByTime(500);
    expect(tell).not.toHaveBeenCalled();

    callOff();
    vi.advanceTimersByTime(5000);
    expect(tell).not.toHaveBeenCalled();
  });
});
