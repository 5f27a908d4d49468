import { defineConfig } from "vitest/config";

const project = (name: string, testTimeout: number, ...more: string[]) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`, ...more],
    testTimeout,
    hookTimeout: testTimeout,
  },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", 10_000, "test/*.test.ts"),
      project("simulation", 30_000),
      project("integration", 60_000),
      project("e2e", 240_000),
    ],
  },
});
