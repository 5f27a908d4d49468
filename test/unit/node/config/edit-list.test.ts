import { expect, test } from "vitest";
import { parse } from "yaml";
import { withList } from "../../../../src/node/config/edit-list.ts";
import { configTemplate } from "../../../../src/node/config/template.ts";

const LIST = ["/ip4/10.0.0.1/tcp/1/p2p/a", "/ip6/::1/tcp/1/p2p/b"];

test("a list is set in the file that a command wrote, and not a character else", () => {
  const text = configTemplate({ "run.members": [], "network.bootstrap": ["x", "y"] });
  const once = withList(withList(text, "run", "members", ["a", "b"]), "network", "bootstrap", LIST);

  expect(parse(once)).toMatchObject({ run: { members: ["a", "b"] }, network: { bootstrap: LIST } });
  const expected = configTemplate({ "run.members": ["a", "b"], "network.bootstrap": LIST });
  expect(once).toBe(expected);
});

test("a list is set again, with comments of somebody else beside it", () => {
  const text = "run: # mine\n  members: # who\n    - a # first\n  # end\n  name: b\n";
  const again = withList(text, "run", "members", ["c"]);

  expect(parse(again)).toEqual({ run: { members: ["c"], name: "b" } });
  expect(again).toContain("  # end\n  name: b\n");
  expect(again).toContain("run: # mine");
});

test.each(["", "run:\n", "run: {members: [], name: x}\n", '{"run": {"members": []}}\n'])(
  "a file of another form gets it too: %j",
  (text) => {
    const { run } = parse(withList(text, "run", "members", ["a"])) as { run: object };
    expect(run).toMatchObject({ members: ["a"] });
  },
);
