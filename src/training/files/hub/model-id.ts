/** A model on the hub: its id and the branch, tag or commit that is meant. */
export interface HubModel {
  readonly id: string;
  readonly revision: string;
}

// The hub's own rules (huggingface_hub, validate_repo_id), with the organisation required: a single word is a folder.
const ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;
const FORBIDDEN = /--|\.\.|[.-](\/|$)|\.git$/;
const REVISION = /^\w[\w./-]{0,199}$/;
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * Reads `organisation/name` or `organisation/name@revision`; null for anything else, such as a path. Without a revision
 * the branch `main` is meant.
 */
export function parseHubModel(text: string): HubModel | null {
  const at = text.indexOf("@");
  const id = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? "main" : text.slice(at + 1);
  if (!ID.test(id) || FORBIDDEN.test(id)) return null;
  return REVISION.test(revision) && !revision.includes("..") ? { id, revision } : null;
}

/** True for the full name of a commit, which never moves. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}
