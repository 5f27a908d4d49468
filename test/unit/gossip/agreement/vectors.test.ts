import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { asMeant } from "../../../../src/gossip/agreement/told.ts";
import { parseAgreement } from "../../../../src/gossip/index.ts";
import type { PeerId } from "../../../../src/types.ts";
import { agreementVectors } from "../../../support/agreement-vectors.ts";

type Vectors = Awaited<ReturnType<typeof agreementVectors>>;

const file = join(import.meta.dirname, "../../../fixtures/agreement-vectors.json");
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const roster = vectors.roster.map(({ peerId }) => peerId);
const parse = (hex: string) =>
  parseAgreement(bytesOf(hex), { run: vectors.run, rosterAt: () => roster });

/** Checks a signature with nothing of this house. */
function isSigned(place: number, signed: string, signature: string): boolean {
  const x = Buffer.from(vectors.roster[place]?.publicKey ?? "", "hex").toString("base64url");
  const key = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
  return verify(null, bytesOf(signed), key, bytesOf(signature));
}

describe("the conformance vectors of mode agreed", () => {
  it("are what this code makes of the same keys", async () => {
    expect(await agreementVectors()).toEqual(vectors);
  });

  it("are accepted, and say what stands beside them", () => {
    expect(vectors.messages).toHaveLength(10);
    for (const message of vectors.messages) {
      const verdict = parse(message.bytes);
      expect(verdict.verdict, message.digest).toBe("accept");
      const told = verdict.verdict === "accept" ? JSON.stringify(verdict.value, inHex) : "";
      const said = "statement" in message ? message.statement : message.certificate;
      expect(JSON.parse(told)).toMatchObject(
        "statement" in message ? { statement: said } : { certificate: said },
      );
    }
  });

  it("are told in fewer bytes, and meant as they are", () => {
    for (const message of vectors.messages) {
      const author = roster["statement" in message ? message.author : 0] as PeerId;
      const meant = asMeant(bytesOf(message.told), { author, run: vectors.run });
      const whole = "inShort" in message ? message.inShort : message.bytes;
      expect(Buffer.from(meant ?? []).toString("hex")).toBe(whole);
    }
  });

  it("have digests and signatures that anybody can check", () => {
    for (const { bytes, digest } of [...vectors.messages, ...vectors.blocks]) {
      expect(createHash("sha256").update(bytesOf(bytes)).digest("hex")).toBe(digest);
    }
    for (const message of vectors.messages) {
      if (!("statement" in message)) continue;
      expect(isSigned(message.author, message.signed, message.signature)).toBe(true);
      expect(isSigned((message.author + 1) % 4, message.signed, message.signature)).toBe(false);
    }
  });

  it("are refused as they should be", () => {
    expect(vectors.refused.length).toBeGreaterThan(8);
    for (const { name, bytes, verdict, reason } of vectors.refused) {
      expect(parse(bytes), name).toEqual({ verdict, reason });
    }
  });
});

// --- internal ---

function inHex(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
