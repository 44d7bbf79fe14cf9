import type { Server } from "./start-server.ts";

/** What the suites of `@kit/conformance` want of a registry that is one server. */
export interface Outage {
  breakRegistry(): Promise<void>;
  /** Does nothing where it is not broken. */
  healRegistry(): Promise<void>;
}

/** Kills a server and starts it again, with its data. */
export function outage(server: Server): Outage {
  let broken = false;
  return {
    async breakRegistry() {
      broken = true;
      await server.kill();
    },
    async healRegistry() {
      if (broken) await server.restart();
      broken = false;
    },
  };
}
