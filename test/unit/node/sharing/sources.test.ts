import { describe, expect, test } from "vitest";
import type { FetchFailure, FileOutcome } from "../../../../src/gossip/index.ts";
import { FetchProgress } from "../../../../src/node/sharing/fetch-progress.ts";
import { Sources } from "../../../../src/node/sharing/sources.ts";

const failure = (kind: FetchFailure, detail = "it says no"): FileOutcome => ({
  ...{ ok: false, failure: kind, detail },
});
const WRONG: FileOutcome = { ok: true };

function asked(...peers: string[]) {
  const said: string[] = [];
  let now = 1_000_000;
  const sources = new Sources(peers, "model.safetensors", {
    ...{ patienceMs: 60_000, tell: (line) => void said.push(line), now: () => now },
  });
  const pass = (ms: number) => {
    now += ms;
  };
  return { sources, said, pass };
}

describe("who is asked for a file", () => {
  test("is the next one where one is not reached, and a pause is due after all", () => {
    const { sources, said } = asked("anna", "bert");
    expect(sources.next()).toBe("anna");
    expect(sources.failed("anna", failure("unreachable"), false)).toBe(false);
    expect(sources.next()).toBe("bert");
    expect(sources.failed("bert", failure("timeout"), false)).toBe(true);
    expect(sources.next()).toBe("anna");
    expect(said).toEqual([
      "model.safetensors does not come from anna: it says no; tries again until 1970-01-01T00:17:40Z",
      "model.safetensors does not come from bert: it says no; tries again until 1970-01-01T00:17:40Z",
    ]);
  });

  test("stays who brings something, and the time begins anew", () => {
    const { sources, pass } = asked("anna", "bert");
    pass(59_000);
    sources.failed("anna", failure("unreachable"), true);
    expect(sources.next()).toBe("anna");
    pass(59_000);
    sources.failed("anna", failure("unreachable"), false);
    pass(1000);
    expect(() => sources.failed("bert", failure("unreachable"), false)).toThrow(
      expect.objectContaining({ code: "network", hint: expect.stringContaining("--model") }),
    );
  });

  test.each<FetchFailure>(["missing", "malformed", "too-large"])(
    "is nobody any more who answers %s; without anybody it ends",
    (kind) => {
      const { sources } = asked("anna", "bert");
      sources.failed("anna", failure(kind), false);
      expect(sources.next()).toBe("bert");
      sources.failed("bert", failure("unreachable"), false);
      expect(sources.next()).toBe("bert");
      expect(() => sources.failed("bert", failure(kind), false)).toThrow(
        expect.objectContaining({
          code: "network",
          message: "model.safetensors of the model was not had from bert: it says no",
        }),
      );
    },
  );

  test("may send another file once, as what was here before may be the fault, not twice", () => {
    const { sources } = asked("anna");
    sources.failed("anna", WRONG, false);
    expect(sources.next()).toBe("anna");
    expect(() => sources.failed("anna", WRONG, false)).toThrow(
      expect.objectContaining({ code: "data", message: expect.stringContaining("another file") }),
    );
  });
});

test("how far it is is told each five seconds, with what comes from whom", () => {
  const said: string[] = [];
  let now = 0;
  const tell = (line: string) => void said.push(line);
  const progress = new FetchProgress(4 * 2 ** 20, tell, () => now);
  progress.add(2 ** 20);
  for (; now <= 11_000; now += 1000)
    progress.came(2 ** 17, "model.safetensors", "12D3KooWabcdefgh");
  expect(said).toEqual([
    "the model: 1.8 MiB of 4.0 MiB (43 %) are here; model.safetensors comes from …abcdefgh",
    "the model: 2.4 MiB of 4.0 MiB (59 %) are here; model.safetensors comes from …abcdefgh",
  ]);
});
