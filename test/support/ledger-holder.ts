/** A process that holds a SQLite file for itself for a while, as a backup or a person's shell does. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

const [path = "", milliseconds = "0"] = process.argv.slice(2);
const database = new DatabaseSync(path);
database.exec("BEGIN EXCLUSIVE");
process.stdout.write("held\n");
await delay(Number(milliseconds));
database.exec("COMMIT");
database.close();
