import { expect, test } from "vitest";
import type { AgreementMessage } from "../../../../src/gossip/index.ts";
import { signStatement, type VoteKind } from "../../../../src/gossip/index.ts";
import { Statements } from "../../../../src/node/peer/agreed/statements.ts";
import { Life } from "../../../../testnet/simulation/life.ts";
import { MemoryDisk } from "../../../../testnet/simulation/memory-store.ts";
import { Council, NAME } from "../../../support/agreement-samples.ts";

const council = await Council.of(4);
const { height, run } = NAME;

function opened(): Statements {
  const terms = { run, rosterAt: () => council.roster };
  return new Statements(new MemoryDisk().open(new Life()), terms);
}

async function vote(
  by: number,
  view: number,
  kind: VoteKind = "nullify",
): Promise<AgreementMessage> {
  const { peerId: author, key } = council.members[by] as (typeof council.members)[number];
  const block = kind === "nullify" ? null : NAME.parent;
  return signStatement({ ...NAME, kind, view, block }, { author, key }, council.size);
}

test("a member that says five thousand things keeps nobody's words from being told", async () => {
  const statements = opened();
  const own = await vote(0, 0);
  statements.keep(height, own.bytes);
  for (let view = 0; view < 5000; view += 1) statements.hear(height, await vote(3, view));
  const [late, newest] = [await vote(1, 7), await vote(3, 4999)];
  statements.hear(height, late);

  const told = statements.tell(height);

  expect(told.slice(0, 2)).toEqual([own.bytes, late.bytes]);
  expect(told.length).toBeLessThan(100);
  expect(told).toContainEqual(newest.bytes);
});

test("own words are told however many they are", async () => {
  const statements = opened();
  for (let view = 0; view < 200; view += 1) {
    statements.keep(height, (await vote(0, view)).bytes);
  }

  expect(statements.tell(height)).toHaveLength(200);
});
