import { expect, test } from "vitest";
import { buildReport } from "../../../../testnet/report/report.ts";
import { reportText } from "../../../../testnet/report/report-markdown.ts";
import { samplePeer } from "../../node/node-samples.ts";
import { peerRecord, runFacts, status } from "../report/sample-report.ts";

const DIGEST = "a".repeat(64);
const honest = [0, 1, 2].map((index) => {
  const record = peerRecord(index);
  return { ...record, status: record.status && { ...record.status, adapter: DIGEST } };
});

/** What is expected, and whether it is met, by the words of the report. */
function judged(wanted: object, peers: readonly ReturnType<typeof peerRecord>[] = honest) {
  const report = buildReport(runFacts({ expect: wanted, attack: "nan", peers: 4 }, [...peers]));
  return report.expectations.map(({ what, isMet }) => [what, isMet]);
}

const unfinished = { ...peerRecord(2), status: status({ evaluation: null }) };

test("what is not expected is not judged", () => {
  expect(judged({})).toEqual([]);
});

test.each([
  [{ finished: true }, honest, true],
  [{ finished: true }, [...honest.slice(0, 2), unfinished], false],
  [{ finished: true }, [], false],
  [{ loss: 1.2 }, honest, true],
  [{ loss: 1 }, honest, false],
  [{ loss: 100 }, [unfinished], false],
  [{ oneDigest: true }, honest, true],
  [{ oneDigest: true }, [...honest.slice(0, 2), peerRecord(2)], false],
  [{ certified: 1 }, honest, false],
  [{ attackersShut: true }, honest, false],
  [{ attackersShut: true }, [...honest, peerRecord(3, { role: "nan" })], false],
  [{ seconds: 43 }, honest, true],
  [{ seconds: 41 }, honest, false],
])("%j is met or not by what there is", (wanted, peers, isMet) => {
  expect(judged(wanted, peers).map(([, met]) => met)).toEqual([isMet]);
});

test("whom others isolated is found among the honest and among attackers", () => {
  const shunned = "peer-9";
  const seen = [samplePeer({ peer: shunned, standing: "isolated", neighbour: true })];
  const isolating = honest.map((record) => ({
    ...record,
    status: record.status && { ...record.status, peers: seen },
  }));
  const as = (role: "honest" | "nan") => [...isolating, { ...peerRecord(3), id: shunned, role }];
  expect(judged({ honestTrusted: true }, as("honest"))[0]?.[1]).toBe(false);
  expect(judged({ honestTrusted: true })[0]?.[1]).toBe(true);
  expect(judged({ attackersShut: true }, as("nan"))[0]?.[1]).toBe(true);
});

test("a fault that never came is told, expected or not", () => {
  const facts = { ...runFacts(), missed: [{ do: "kill" as const, peer: 2, round: 9 }] };
  const report = buildReport(facts);
  expect(report.expectations).toMatchObject([{ what: "kill of peer 2 in round 9", isMet: false }]);
  expect(reportText(report)).toContain("NOT MET: kill of peer 2 in round 9");
});
