import { expect, test } from "vitest";
import { createLogger } from "../../../../src/node/process/logger.ts";

function capture(options: Parameters<typeof createLogger>[0], isTTY = false) {
  const lines: string[] = [];
  const log = createLogger(options, { isTTY, write: (text) => lines.push(text) });
  return { log, lines };
}

test("away from a terminal every line is one JSON object with level, time, fields and message", () => {
  const { log, lines } = capture({ level: "info", format: "auto" });
  log.info({ round: 3, peers: 4 }, "round started");
  log.debug("not shown");

  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    round: 3,
    peers: 4,
    msg: "round started",
  });
});

test("on a terminal, or when asked for, a line is for people", () => {
  for (const { log, lines } of [
    capture({ level: "info", format: "auto" }, true),
    capture({ level: "info", format: "pretty" }),
  ]) {
    log.warn({ round: 3 }, "peer is late");

    expect(lines.join("")).toMatch(/WARN.*peer is late/);
    expect(() => JSON.parse(lines[0] ?? "")).toThrow();
  }
});

test("keys, payloads and arrays never reach the log", () => {
  const { log, lines } = capture({ level: "info", format: "json" });
  const secret = "5ec4e7";
  log.info(
    {
      privateKey: secret,
      identity: { key: secret },
      config: { networkKey: secret },
      payload: secret,
      safe: 1,
    },
    "started",
  );

  expect(lines.join("")).not.toContain(secret);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ safe: 1, privateKey: "[redacted]" });
});

test("silent writes nothing", () => {
  const { log, lines } = capture({ level: "silent", format: "json" });
  log.error("lost");

  expect(lines).toEqual([]);
});
