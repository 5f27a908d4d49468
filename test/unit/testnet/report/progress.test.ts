import { Writable } from "node:stream";
import { expect, test } from "vitest";
import type { Member } from "../../../../testnet/processes/fleet.ts";
import { LOOPBACK } from "../../../../testnet/processes/peer-config.ts";
import { PeerProcess } from "../../../../testnet/processes/peer-process.ts";
import { killRound } from "../../../../testnet/processes/watch.ts";
import { createProgress } from "../../../../testnet/report/progress.ts";
import { progressLine, renderTable } from "../../../../testnet/report/table.ts";
import { status } from "./sample-report.ts";

const member = (index: number, over: Partial<Member> = {}): Member => ({
  plan: {
    index,
    id: `12D3KooWtest${index}`,
    role: "honest",
    label: `organisation ${index + 1}`,
    folder: "",
    dataFile: "",
    rows: 10,
    configFile: "",
    address: "",
    listen: "",
    site: LOOPBACK,
    statusPort: 0,
  },
  process: new PeerProcess({ script: "", args: [], cwd: "", logFile: "" }),
  status: status({ peerId: `12D3KooWtest${index}`, round: index + 2 }),
  answers: true,
  kills: 0,
  mayBeDown: false,
  ...over,
});
const members = [member(0), member(1), member(2)];
const plain = { width: 200, height: 50, colour: false, seconds: 61 };

class Screen extends Writable {
  text = "";
  readonly isTTY: boolean;
  readonly columns = 90;
  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

test("the table shows every peer's round, losses, bytes and standing", () => {
  const lines = renderTable(members, plain);

  expect(lines[0]).toBe(
    "klatch testnet · 3 peers · round 2/6 · cs-plus, certified for 1 attackers · 1 min 01 s",
  );
  expect(lines.at(-1)).toMatch(
    /^3 +organisation 3 .* 5\/6 +train +0\/0 +1\.500 +1\.5 MiB +1\.0 MiB +1\.750 +full$/,
  );
});

test("the table keeps within the width and height it is given", () => {
  for (const width of [20, 40, 60, 80, 100]) {
    const lines = renderTable(members, { ...plain, width });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
  }
  const many = Array.from({ length: 40 }, (_, index) => member(index));
  expect(renderTable(many, { ...plain, height: 20 })).toHaveLength(20);
  expect(renderTable(many, { ...plain, height: 20 }).at(-1)).toMatch(/and \d+ more peers/);
});

test("colour is only there when asked for", () => {
  expect(renderTable(members, plain).join("")).not.toContain("\u001b[");
  expect(renderTable(members, { ...plain, colour: true }).join("")).toContain("\u001b[");
});

test("a line sums up the honest peers", () => {
  expect(progressLine(members, 9)).toBe(
    "round 2/6 · train loss 1.500 · held-out 1.750 · sent 1.5 MiB each · 9.0 s",
  );
});

test("a terminal is redrawn in place, and notes stay above the table", () => {
  const screen = new Screen(true);
  const progress = createProgress(screen, () => 0);

  progress.update(members);
  progress.note("peer 2 restarted");
  progress.update(members);
  progress.update(members);

  // six lines: title, blank, header, three peers; the note is written over the first table, and a table follows
  const up = "\u001b[6A\u001b[0J";
  expect(screen.text.split(up)).toHaveLength(3);
  expect(screen.text.split(up)[1]).toMatch(/^peer 2 restarted\nklatch testnet/);
});

test("elsewhere there is one line for each round, and none twice", () => {
  const screen = new Screen(false);
  const progress = createProgress(screen, () => 0);

  progress.update(members);
  progress.update(members);
  progress.update([member(1), member(2)]);

  expect(screen.text.match(/^round \d/gm)).toEqual(["round 2", "round 3"]);
  expect(screen.text).not.toContain("\u001b");
});

test("without an output nothing is shown", () => {
  const progress = createProgress(null);

  expect(() => {
    progress.update(members);
    progress.note("anything");
    progress.close();
  }).not.toThrow();
});

test("kills are spread over the rounds, none in the first", () => {
  expect([0, 1, 2, 3].map((index) => killRound(index, 6))).toEqual([1, 2, 3, 4]);
  expect([0, 1, 2, 3].map((index) => killRound(index, 2))).toEqual([1, 1, 1, 1]);
});
