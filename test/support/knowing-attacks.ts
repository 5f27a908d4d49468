import { CLOUD_ATTACKS } from "../../testnet/attacks/cloud-attacks.ts";
import { DRIFT_ATTACKS } from "../../testnet/attacks/drift-attacks.ts";
import { FULL_SCALE_ATTACKS } from "../../testnet/attacks/full-scale-attacks.ts";
import { INNER_PRODUCT_ATTACKS } from "../../testnet/attacks/inner-product-attacks.ts";

const { "time-coupled": _, ...DRIFTS } = DRIFT_ATTACKS;

/** Attacks whose update follows from honest ones. */
const KNOWING = { ...CLOUD_ATTACKS, ...INNER_PRODUCT_ATTACKS, ...DRIFTS, ...FULL_SCALE_ATTACKS };

export type KnowingAttack = keyof typeof KNOWING;

export const KNOWING_ATTACK_NAMES = Object.keys(KNOWING) as KnowingAttack[];
