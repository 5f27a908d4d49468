/** Flags of a script that runs a federation of eight members, for `parseArgs`. */
export const EIGHT_MEMBERS = {
  model: { type: "string" },
  data: { type: "string" },
  test: { type: "string" },
  partition: { type: "string", default: "dirichlet:1" },
  peers: { type: "string", default: "8" },
  seed: { type: "string", default: "1" },
} as const;
