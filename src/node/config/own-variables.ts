const PREFIX = "KLATCH_";

/**
 * What Kubernetes and Docker links put into the environment of a container for a service by the name of `klatch` or
 * `klatch-...`: its address in several forms.
 */
const SERVICE_NAMES = [
  /_SERVICE_HOST$/,
  /_SERVICE_PORT(_[A-Z0-9_]+)?$/,
  /_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/,
];
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//;

/** The variables that are meant for Klatch, and a sentence about those that only look like it. */
export interface OwnVariables {
  readonly names: Readonly<Record<string, string>>;
  readonly passedOver: string | null;
}

/** Picks them from an environment; an empty one is none. */
export function ownVariables(
  environment: Readonly<Record<string, string | undefined>>,
): OwnVariables {
  const ours = Object.entries(environment).flatMap(([name, text]) =>
    name.startsWith(PREFIX) && text ? [[name, text] as const] : [],
  );
  const services = ours.filter(([name, text]) => isOfService(name, text)).map(([name]) => name);
  return {
    names: Object.fromEntries(ours.filter(([name]) => !services.includes(name))),
    passedOver:
      services.length === 0
        ? null
        : `passed over, as addresses that Kubernetes sets for services: ${services.join(", ")} (enableServiceLinks: false keeps them out)`,
  };
}

// --- internal ---

/** A key of the configuration may end like that too; its value tells. */
function isOfService(name: string, text: string): boolean {
  return (
    SERVICE_NAMES.some((form) => form.test(name)) ||
    (name.endsWith("_PORT") && SERVICE_ADDRESS.test(text))
  );
}
