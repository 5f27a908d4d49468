/**
 * The wire without a node: peers known by their keys, announcements signed and gossiped, payloads pulled by digest. Knows no
 * rounds and no models. A peer's id, as examples/embed-node.ts lists it among the members of a run:
 *
 * ```ts
 * return (await loadOrCreateIdentity(identityFile(join(folder, name)))).peerId;
 * ```
 *
 * `createNetwork` makes the real one; one's own has `networkAcceptance` of `klatch/testing` to pass.
 *
 * @packageDocumentation
 */
export * from "./gossip/index.ts";
export type * from "./types.ts";
