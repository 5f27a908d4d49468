import { Chain } from "./parts/chain.tsx";
import { EvidenceList } from "./parts/evidence.tsx";
import { Figures } from "./parts/figures.tsx";
import { Header } from "./parts/header.tsx";
import { LossChart } from "./parts/loss-chart.tsx";
import { MachineFacts } from "./parts/machine.tsx";
import { Network } from "./parts/network.tsx";
import { Peers } from "./parts/peers.tsx";
import { Rounds } from "./parts/rounds.tsx";
import { TokenForm } from "./parts/token-form.tsx";
import { useNode } from "./use-node.ts";

/** One node, as it tells of itself. */
export function Page() {
  const { model, trouble } = useNode();
  if (trouble?.code === 401) return <TokenForm />;
  if (model === null) {
    const words = trouble === null ? "Asks the node…" : `${trouble.message}; tries again.`;
    return (
      <main class="empty">
        <h1>Klatch</h1>
        <p role="status">{words}</p>
      </main>
    );
  }
  const { status, curves, rounds, evidence, chain, machine } = model;
  return (
    <>
      <a class="skip" href="#peers">
        To the peers
      </a>
      <Header status={status} />
      {trouble === null ? null : (
        <p class="trouble" role="alert">
          {trouble.message}; what is shown may be old. Tries again.
        </p>
      )}
      <main>
        <Figures status={status} rounds={rounds} machine={machine} />
        <div class="pair">
          <Network status={status} />
          <LossChart curves={curves} />
        </div>
        <Rounds status={status} rounds={rounds} />
        <Peers peers={status.peers} />
        <div class="pair">
          {status.mode === "agreed" ? <Chain chain={chain} status={status} /> : null}
          <EvidenceList evidence={evidence} />
          <MachineFacts machine={machine} status={status} />
        </div>
      </main>
    </>
  );
}
