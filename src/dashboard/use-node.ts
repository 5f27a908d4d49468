import { useEffect, useState } from "preact/hooks";
import { Follower, type Seen } from "../node/view/live/follower.ts";
import { request } from "./client.ts";

/** Follows the node for as long as the page is open. */
export function useNode(): Seen {
  const [seen, setSeen] = useState<Seen>({ model: null, trouble: null });
  useEffect(() => new Follower(request, setSeen).follow(), []);
  return seen;
}
