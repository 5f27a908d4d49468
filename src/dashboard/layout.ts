/** Where a peer is drawn, in the coordinates of the picture: the node is at 0, 0. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** Peers on one ring; more stand on further ones. */
const RING_MAX = 36;
/** Distance of the outermost ring. */
export const REACH = 100;
const RADIUS_MAX = 9;

/** Places of so many peers around the node: on rings, evenly, none on top of another. */
export function places(count: number): readonly Place[] {
  const rings = Math.max(1, Math.ceil(count / RING_MAX));
  const inner = REACH * (rings === 1 ? 1 : 0.5);
  const distances = Array.from({ length: rings }, (_, ring) =>
    rings === 1 ? REACH : inner + ((REACH - inner) * ring) / (rings - 1),
  );
  const total = distances.reduce((sum, distance) => sum + distance, 0);
  let left = count;
  return distances.flatMap((distance, ring) => {
    const share = ring === rings - 1 ? left : Math.round((count * distance) / total);
    left -= share;
    const room = (Math.PI * distance) / Math.max(1, share);
    const gap = rings === 1 ? RADIUS_MAX : (REACH - inner) / (rings - 1) / 2;
    const radius = Math.min(RADIUS_MAX, room * 0.72, gap * 0.8);
    return Array.from({ length: share }, (_, place) => {
      // every other ring is turned by half a place, and the first peer stands at the top
      const angle = ((place + (ring % 2) / 2) / share) * 2 * Math.PI - Math.PI / 2;
      return { x: distance * Math.cos(angle), y: distance * Math.sin(angle), radius };
    });
  });
}

/** The width of an edge by its bytes, next to the most that any has; among many edges all are thin. */
export function edgeWidth(bytes: number, most: number, count: number): number {
  const widest = count > RING_MAX ? 1.2 : 5;
  return 0.6 + (most === 0 ? 0 : widest * Math.sqrt(bytes / most));
}
