/** What happens while a model is fetched, for whoever shows it. */
export type HubEvent =
  | { readonly kind: "waiting"; readonly model: string }
  | {
      readonly kind: "started";
      readonly model: string;
      readonly commit: string;
      readonly folder: string;
    }
  | {
      readonly kind: "progress";
      readonly file: string;
      /** Bytes of all files so far, those of an earlier attempt included. */
      readonly received: number;
      readonly total: number;
    }
  | { readonly kind: "retry"; readonly file: string; readonly reason: string }
  | { readonly kind: "finished"; readonly model: string; readonly bytes: number };

/** How the hub is reached and where its files are kept. */
export interface HubOptions {
  /** Folder for models from the hub; made when it is needed. Null where there is none, and only folders are known. */
  readonly cacheFolder: string | null;
  /** The hub's address, e.g. `https://huggingface.co`. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  /** Use the cache alone and never the network. */
  readonly offline: boolean;
  readonly report?: (event: HubEvent) => void;
  readonly signal?: AbortSignal;
  /** First pause before a request is repeated, milliseconds; it doubles. */
  readonly retryMs?: number;
}

/** Where a model came from; beside its digest in what a node reports. */
export interface ModelOrigin {
  readonly id: string;
  readonly revision: string;
  /** The commit that the revision named when it was fetched. */
  readonly commit: string;
}
