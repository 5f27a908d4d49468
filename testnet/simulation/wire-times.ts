/** Times of the simulated wire, in milliseconds, and sizes. */
export const LATENCY_MS = { least: 5, most: 100 };
export const TRANSFER_MS = { least: 50, most: 500 };
/** Lost announcements come with a later heartbeat, as gossipsub's IHAVE brings them. */
export const HEARTBEAT_MS = 1000;
/** Size of a signed announcement, near enough. */
export const ANNOUNCEMENT_BYTES = 280;
