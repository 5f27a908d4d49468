import {
  type AgreementTerms,
  type Network,
  type SignedStatement,
  type Statement,
  sealStatement,
} from "../../src/gossip/index.ts";
import { type Attack, decorated } from "./attack.ts";

/** Attacks on how members agree in mode `agreed`. */
export const AGREEMENT_ATTACKS = {
  "equivocate-votes": agreement("votes for and against every block, in every view", (network) => ({
    publish: async (message) => {
      const recipients = await network.publish(message);
      for (const vote of contradictions(message)) await network.publish(await network.sign(vote));
      return recipients;
    },
  })),
  "lie-in-ballots": agreement(
    "denies every other update, and calls the rest harmful",
    (network) => ({
      sign: <S extends Statement>(statement: S) => network.sign(lying(statement)),
    }),
  ),
  "stall-proposals": agreement("never proposes when it is its turn", (network) => {
    const kept = new Set<Uint8Array>();
    return {
      publish: async (message) => {
        if (!isProposal(message)) return network.publish(message);
        kept.add(message.bytes);
        return 0;
      },
      onTellAgreement: (tell) =>
        network.onTellAgreement(() => tell().filter((bytes) => !kept.has(bytes))),
    };
  }),
  frame: agreement("says of every other what would put it out, in its name", (network) => {
    let terms: AgreementTerms | null = null;
    return {
      agreementTerms: (given) => {
        terms = given;
        network.agreementTerms(given);
      },
      onAgreement: (judge) =>
        network.onAgreement((message, from) => {
          for (const bytes of forged(message, terms)) void network.publish({ bytes });
          return judge(message, from);
        }),
    };
  }),
} as const satisfies Record<string, Attack>;

// --- internal ---

type Message = Parameters<Network["publish"]>[0];

function agreement(text: string, changes: (network: Network) => Partial<Network>): Attack {
  return {
    kind: "agreement",
    text,
    disguise: (ports) => ({
      ...ports,
      network: decorated(ports.network, changes(ports.network)),
    }),
  };
}

function isSigned(message: Message): message is SignedStatement {
  return "statement" in message;
}

function isProposal(message: Message): boolean {
  return isSigned(message) && message.statement.kind === "proposal";
}

/** What an honest member would never say after a vote. */
function contradictions(message: Message): readonly Statement[] {
  if (!isSigned(message)) return [];
  const { statement } = message;
  if (statement.kind === "nullify") return [];
  if (statement.kind !== "notarize" && statement.kind !== "finalize") return [];
  const { run, height, parent, view, block } = statement;
  const name = { run, height, parent, view };
  return [
    { ...name, kind: "nullify", block: null },
    { ...name, kind: "finalize", block },
    { ...name, kind: "notarize", block: parent },
  ];
}

/** Contradictions of another's vote under the signature that it gave for the vote: nobody else has its key. */
function forged(
  message: Parameters<Parameters<Network["onAgreement"]>[0]>[0],
  terms: AgreementTerms | null,
): readonly Uint8Array[] {
  if (!("author" in message)) return [];
  const { author, signature, statement } = message;
  const size = terms?.rosterAt(statement.height)?.length;
  if (size === undefined) return [];
  return contradictions(message).map((lie) => sealStatement(lie, author, signature, size).bytes);
}

function lying<S extends Statement>(statement: S): S {
  if (statement.kind !== "ballot") return statement;
  const opinions = statement.opinions.map((opinion, place) =>
    opinion === "absent" || place % 2 === 0 ? ("absent" as const) : ("harmful" as const),
  );
  const held = statement.held.filter(({ place }) => opinions[place] !== "absent");
  return { ...statement, opinions, held };
}
