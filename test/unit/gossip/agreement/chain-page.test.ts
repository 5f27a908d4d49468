import fc from "fast-check";
import { beforeAll, describe, expect, it, test } from "vitest";
import {
  decodePageRequest,
  encodePageRequest,
  MAX_PAGE_BYTES,
} from "../../../../src/gossip/agreement/chain-page.ts";
import { decodeCanonical, encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  type ChainBytes,
  decodePage,
  digestOf,
  encodeBlock,
  encodePage,
  MAX_BLOCK_BYTES,
  MAX_PAGE_ENTRIES,
  Signatures,
  verifyBlock,
  verifyCertificate,
} from "../../../../src/gossip/index.ts";
import { Council, NAME } from "../../../support/agreement-samples.ts";

let council: Council;
let chain: readonly ChainBytes[];

beforeAll(async () => {
  council = await Council.of(4);
  const entries: ChainBytes[] = [];
  let { parent } = NAME;
  for (let height = 0; height < 4; height += 1) {
    const entry = await entryOf(height, parent);
    entries.push(entry);
    parent = digestOf(entry.block);
  }
  chain = entries;
});

async function entryOf(height: number, parent: string): Promise<ChainBytes> {
  const name = { run: NAME.run, height, parent };
  const block = encodeBlock(await council.block({ name }));
  const vote = { ...council.vote("finalize", 0, digestOf(block)), ...name };
  return { block, certificate: (await council.sealed(vote)).bytes };
}

const request = (from = 0, most = MAX_PAGE_ENTRIES) => ({ run: NAME.run, from, most });
const read = (entries: readonly ChainBytes[], from = 0) =>
  decodePage(encodePage(entries), request(from));

describe("a page of the chain", () => {
  it("is read as it was written, from any height on", () => {
    for (const from of [0, 1, 3]) {
      expect(read(chain.slice(from), from)?.map(({ bytes }) => bytes)).toEqual(chain.slice(from));
    }
    expect(read(chain)?.map(({ block }) => block.height)).toEqual([0, 1, 2, 3]);
    expect(read([])).toEqual([]);
  });

  it("has as many entries as fit, and the first one in any case", () => {
    const large = { block: new Uint8Array(600 * 1024), certificate: new Uint8Array(64) };
    const largest = {
      block: new Uint8Array(MAX_BLOCK_BYTES),
      certificate: new Uint8Array(66 * 1024),
    };
    const entries = (page: Uint8Array) => (decodeCanonical(page) as [number, unknown[]])[1].length;
    expect(entries(encodePage([large, large]))).toBe(1);
    expect(entries(encodePage([largest, largest]))).toBe(1);
    expect(encodePage([largest]).byteLength).toBeLessThanOrEqual(MAX_PAGE_BYTES);
    const small = { block: new Uint8Array(1), certificate: new Uint8Array(1) };
    expect(entries(encodePage(new Array(1000).fill(small)))).toBe(MAX_PAGE_ENTRIES);
  });

  it("is asked for by run, height and number", () => {
    expect(decodePageRequest(encodePageRequest(request(5, 7)))).toEqual(request(5, 7));
    for (const wrong of [
      request(-1),
      request(0, 0),
      request(0, MAX_PAGE_ENTRIES + 1),
      request(2 ** 40),
    ]) {
      expect(decodePageRequest(encodePageRequest(wrong))).toBeNull();
    }
  });
});

const BAD: Readonly<Record<string, () => Promise<readonly ChainBytes[]> | readonly ChainBytes[]>> =
  {
    "begins at another height": () => chain.slice(1),
    "has a gap": () => [0, 1, 3].flatMap((height) => chain[height] ?? []),
    "has a height twice": () => [0, 0, 1].flatMap((height) => chain[height] ?? []),
    "is in another order": () => chain.toReversed(),
    "forks: a block has another parent than the one before": async () => [
      ...chain.slice(0, 2),
      await entryOf(2, NAME.parent),
    ],
    "has the certificate of another block": () => [
      {
        block: chain[0]?.block ?? new Uint8Array(),
        certificate: chain[1]?.certificate ?? new Uint8Array(),
      },
    ],
    "has a certificate that finalizes nothing": async () => {
      const [first] = chain;
      const vote = council.vote("notarize", 0, digestOf(first?.block ?? new Uint8Array()));
      const certificate = (await council.sealed({ ...vote, height: 0 })).bytes;
      return [{ block: first?.block ?? new Uint8Array(), certificate }];
    },
    "has a block that is none": () =>
      chain.with(0, { block: new Uint8Array(9), certificate: new Uint8Array(9) }),
  };

describe("a page is refused that", () => {
  test.each(Object.entries(BAD))("%s", async (_, make) => {
    expect(read(await make())).toBeNull();
  });

  test("is of another run", () => {
    expect(decodePage(encodePage(chain), { ...request(), run: NAME.parent })).toBeNull();
  });

  test("has more than was asked for", () => {
    expect(decodePage(encodePage(chain), request(0, 3))).toBeNull();
    expect(decodePage(encodePage(chain), request(0, 4))).toHaveLength(4);
  });

  test("never ends", () => {
    const endless = encodeCanonical([1, new Array(100_000).fill([])]);
    expect(decodePage(endless, request())).toBeNull();
  });

  test("is any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decodePage(bytes, request())).toBeNull();
      }),
    );
  });
});

test("a page with one byte changed is refused when it is read, or when it is verified", () => {
  const { check } = new Signatures();
  const isVerified = (page: Uint8Array) =>
    decodePage(page, request())?.every(
      ({ block, certificate }) =>
        verifyBlock(block, council.roster, check).verdict === "accept" &&
        verifyCertificate(certificate, council.roster, check).verdict === "accept",
    ) ?? false;
  const page = encodePage(chain.slice(0, 1));
  expect(isVerified(page)).toBe(true);
  for (const [index, byte] of page.entries()) {
    expect(isVerified(page.with(index, byte ^ (1 << (index % 8)))), `byte ${index}`).toBe(false);
  }
});
