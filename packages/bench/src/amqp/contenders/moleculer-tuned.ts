import type { ContenderModule } from "../contenders.ts";
import { moleculer } from "../moleculer.ts";

/** As who has measured it sets it up: 256 requests at once, and Nagle's algorithm off. */
export const { serve, connect }: ContenderModule = moleculer("bench-moleculer-tuned", (url) => ({
  type: "AMQP",
  options: { url, prefetch: 256, socketOptions: { noDelay: true } },
}));
