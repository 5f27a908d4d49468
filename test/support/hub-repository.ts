import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dirname } from "node:path/posix";

/** A file as the hub stores it; large ones lie apart under their SHA-256, small ones in git. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly large: boolean;
  /** SHA-256 of a large file, git blob id of a small one. */
  readonly oid: string;
}

/** Why the hub does not answer. */
export interface Refused {
  readonly status: number;
  readonly code: string | null;
  readonly message: string;
}

export interface RepositoryOptions {
  /** A token that has accepted the licence; absent for a public repository. */
  readonly gatedFor?: string;
}

/** One commit of a model repository. */
export class HubRepository {
  readonly id: string;
  readonly commit: string;
  readonly options: RepositoryOptions;
  readonly files: readonly StoredFile[];

  constructor(
    id: string,
    contents: Readonly<Record<string, string | Uint8Array>>,
    options: RepositoryOptions = {},
  ) {
    this.id = id;
    this.options = options;
    this.files = Object.entries(contents).map(([path, content]) => {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      const large = /\.(safetensors|bin|gguf)$/.test(path);
      return { path, bytes, large, oid: large ? sha256(bytes) : gitBlob(bytes) };
    });
    const all = this.files.map(({ path, oid }) => `${path} ${oid}`).join("\n");
    this.commit = createHash("sha1").update(all).digest("hex");
  }

  /** The files of a folder as a repository. */
  static ofFolder(id: string, folder: string, options: RepositoryOptions = {}): HubRepository {
    const names = readdirSync(folder);
    const contents = names.map((name) => [name, readFileSync(join(folder, name))] as const);
    return new HubRepository(id, Object.fromEntries(contents), options);
  }

  /** Folders of files. */
  get folders(): readonly string[] {
    return [...new Set(this.files.map(({ path }) => dirname(path)))].filter((name) => name !== ".");
  }

  /** The entry of a file in the answers of `tree` and `paths-info`. */
  entry({ path, bytes, large, oid }: StoredFile): unknown {
    if (!large) return { type: "file", oid, size: bytes.length, path };
    const lfs = { oid, size: bytes.length, pointerSize: 134 };
    // The git id of a large file is that of its pointer.
    const pointer = gitBlob(new TextEncoder().encode(`oid sha256:${oid}`));
    return { type: "file", oid: pointer, size: bytes.length, lfs, xetHash: oid, path };
  }

  /** Null when this token may read the files. */
  refusal(token: string | null): Refused | null {
    const { gatedFor } = this.options;
    if (gatedFor === undefined || gatedFor === token) return null;
    return {
      status: token === null ? 401 : 403,
      code: "GatedRepo",
      message: `Access to model ${this.id} is restricted and you are not in the authorized list.`,
    };
  }
}

// --- internal ---

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function gitBlob(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
