import type { ContenderModule } from "../contenders.ts";
import { moleculer } from "../moleculer.ts";

/** As it comes: a request is taken when the one before is acknowledged, and Nagle's algorithm has each acknowledgement wait. */
export const { serve, connect }: ContenderModule = moleculer("bench-moleculer", (url) => url);
