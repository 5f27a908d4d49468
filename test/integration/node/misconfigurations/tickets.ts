import { createHash } from "node:crypto";
import { join } from "node:path";
import { concat, toString as textOf } from "uint8arrays";
import { encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import { encodeTicket, SECRET_BYTES } from "../../../../src/gossip/index.ts";
import { writeTicket } from "../../../../src/node/admission/admission-files.ts";
import { createRun } from "../../../../src/node/admission/create-run.ts";
import { joinRun } from "../../../../src/node/admission/join-run.ts";
import { newConfig } from "../../../../src/node/config/load.ts";
import { silentLogger } from "../../../../src/node/process/logger.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { byDoctor, byError, type Misconfiguration, makeNode, type Said } from "./case.ts";
import { OTHERS } from "./settings.ts";

const HOUR = 3_600_000;
const address = "/ip4/192.0.2.1/tcp/7117";

const ticketUntil = (expires: number) =>
  encodeTicket({
    ...{ run: "a".repeat(64), creator: OTHERS[0], addresses: [address] },
    ...{ secret: new Uint8Array(SECRET_BYTES), expires },
  });
const good = () => ticketUntil(Date.now() + HOUR);

/** A ticket of a version that there is not yet. */
function ticketOfVersion(version: number): string {
  const content = encodeCanonical([version, "something new"]);
  const length = Uint8Array.of(content.byteLength >> 8, content.byteLength & 0xff);
  const checksum = createHash("sha256").update(content).digest().subarray(0, 6);
  return `KLATCH1${textOf(concat([length, content, checksum]), "base32upper")}`;
}

/** What `klatch join` says of a ticket before it asks for a seat; null where it would ask. */
async function joinBy(ticket: string): Promise<Said | null> {
  const folder = temporaryFolder();
  const tree = {
    ...{ data: { train: [import.meta.filename] }, status: { port: 0 } },
    network: { listen: ["/ip4/127.0.0.1/tcp/0"] },
  };
  const config = newConfig(tree, folder);
  const report = { log: silentLogger(), tell: () => undefined };
  const options = { ticket, folder, config, given: [] };
  return byError(async () => {
    try {
      await joinRun(options, report, AbortSignal.abort());
    } catch (error) {
      if (!(error instanceof Error && error.name === "AbortError")) throw error;
    }
  });
}

const refused = (ticket: () => string): Pick<Misconfiguration, "namedBy" | "plant"> => ({
  namedBy: "klatch join",
  plant: () => {
    let text = ticket();
    return {
      say: () => joinBy(text),
      mend: () => {
        text = good();
      },
    };
  },
});

/** Tickets, and runs that begin with them. */
export const TICKETS: readonly Misconfiguration[] = [
  {
    planted: "something else in the place of a ticket",
    ...refused(() => OTHERS[1]),
    words: /this is no ticket: it does not begin with KLATCH1/,
    fix: /copy the whole line/,
  },
  {
    planted: "a ticket that was cut",
    ...refused(() => good().slice(0, 100)),
    words: /this is no ticket: it was cut: 100 of \d+ characters are here/,
    fix: /copy the whole line/,
  },
  {
    planted: "a ticket with a letter changed",
    ...refused(() => good().replace(/.(?=.{40}$)/, (letter) => (letter === "A" ? "B" : "A"))),
    words: /this is no ticket: it was altered: its checksum does not hold/,
    fix: /copy the whole line/,
  },
  {
    planted: "a ticket of another version",
    ...refused(() => ticketOfVersion(2)),
    words: /of version 2 of tickets, and this klatch reads 1/,
    fix: /ask for it again/,
  },
  {
    planted: "a ticket that has expired",
    ...refused(() => ticketUntil(Date.now() - HOUR)),
    words: /the ticket expired at .* by this machine's clock/,
    fix: /ask its creator, 12D3KooW\w+, for a new one/,
  },
  {
    planted: "a ticket that expired before all seats were taken",
    namedBy: "doctor admission",
    words: /the ticket expired at .*, before all seats were taken/,
    fix: /ask its creator, 12D3KooW\w+, for a new one/,
    plant: async () => {
      const node = await makeNode();
      writeTicket(node.dataDir, ticketUntil(Date.now() - HOUR));
      return {
        say: () => byDoctor("admission", node.groundOf({})),
        mend: () => writeTicket(node.dataDir, good()),
      };
    },
  },
  {
    planted: "seats that nobody took in time",
    namedBy: "doctor admission",
    words: /the tickets expired at .* with 1 of 3 seats taken/,
    fix: /create the run anew in another folder/,
    plant: async () => {
      const folder = temporaryFolder();
      const create = async (name: string, expires: number) => {
        const place = join(folder, name);
        const config = newConfig({ network: { announce: [address] } }, place);
        await createRun(place, config, { seats: 3, expires, standing: false, given: [] });
        return config.dataDir;
      };
      const node = await makeNode();
      let dataDir = await create("late", Date.now() - HOUR);
      return {
        say: () => byDoctor("admission", node.groundOf({ dataDir })),
        mend: async () => {
          dataDir = await create("anew", Date.now() + HOUR);
        },
      };
    },
  },
];
