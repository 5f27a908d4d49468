import { AGREEMENT_ATTACKS } from "./agreement-attacks.ts";
import type { Attack } from "./attack.ts";
import { BACKDOOR_ATTACKS } from "./backdoor-attacks.ts";
import { CLOUD_ATTACKS } from "./cloud-attacks.ts";
import { COPYING_ATTACKS } from "./copying-attacks.ts";
import { DATA_ATTACKS } from "./data-attacks.ts";
import { DRIFT_ATTACKS } from "./drift-attacks.ts";
import { FULL_SCALE_ATTACKS } from "./full-scale-attacks.ts";
import { IDLE_ATTACKS } from "./idle-attacks.ts";
import { INNER_PRODUCT_ATTACKS } from "./inner-product-attacks.ts";
import { PAYLOAD_ATTACKS } from "./payload-attacks.ts";
import { PROTOCOL_ATTACKS } from "./protocol-attacks.ts";
import { VALUE_ATTACKS } from "./value-attacks.ts";

const ALL = {
  ...VALUE_ATTACKS,
  ...CLOUD_ATTACKS,
  ...INNER_PRODUCT_ATTACKS,
  ...DRIFT_ATTACKS,
  ...FULL_SCALE_ATTACKS,
  ...PAYLOAD_ATTACKS,
  ...DATA_ATTACKS,
  ...BACKDOOR_ATTACKS,
  ...PROTOCOL_ATTACKS,
  ...COPYING_ATTACKS,
  ...IDLE_ATTACKS,
  ...AGREEMENT_ATTACKS,
} as const;

export type AttackName = keyof typeof ALL;

/** Every attack by its name: the one catalogue for real peers, simulated ones and tests. */
export const ATTACKS: Readonly<Record<AttackName, Attack>> = ALL;

export const ATTACK_NAMES = Object.keys(ALL) as [AttackName, ...AttackName[]];
