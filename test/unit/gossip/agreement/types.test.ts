import { expect, expectTypeOf, test } from "vitest";
import type * as protocol from "../../../../src/consensus/round/agreed/messages.ts";
import * as theirs from "../../../../src/consensus/round/agreed/messages.ts";
import type * as wire from "../../../../src/gossip/index.ts";
import * as ours from "../../../../src/gossip/index.ts";

/** Whether each can stand for the other. */
type Alike<A, B> = [A, B] extends [B, A] ? true : false;

test("the wire and the protocol mean the same by their messages", () => {
  expectTypeOf<Alike<wire.Statement, protocol.Statement>>().toEqualTypeOf<true>();
  expectTypeOf<Alike<wire.List, protocol.List>>().toEqualTypeOf<true>();
  expectTypeOf<Alike<wire.Ballot, protocol.Ballot>>().toEqualTypeOf<true>();
  expectTypeOf<Alike<wire.Proposal, protocol.Proposal>>().toEqualTypeOf<true>();
  expectTypeOf<Alike<wire.Vote, protocol.Vote>>().toEqualTypeOf<true>();
  expectTypeOf<Alike<wire.Block, protocol.Block>>().toEqualTypeOf<true>();
  expectTypeOf<Alike<wire.Certificate, protocol.Certificate>>().toEqualTypeOf<true>();
  expectTypeOf<wire.SignedStatement>().toExtend<protocol.SignedStatement>();
  expectTypeOf<Alike<wire.Block, protocol.Certificate>>().toEqualTypeOf<false>();
});

test("they number opinions and votes alike", () => {
  expect(ours.OPINIONS).toEqual(theirs.OPINIONS);
  expect(ours.VOTE_KINDS).toEqual(theirs.VOTE_KINDS);
});
