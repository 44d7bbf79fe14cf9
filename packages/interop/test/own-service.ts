import { codeOf } from "@kit/endpoint";
import { type EndpointsOf, implement } from "@kit/service";
import { Interop } from "./contract.ts";
import { identityOf } from "./identity.ts";

/** Our side of the contract, as a test needs it. */
export interface OwnService {
  readonly endpoints: EndpointsOf<typeof Interop>;
  /** Resolves when a wait of ours is over, with the code of what its context ended with; empty if it did not. */
  readonly ended: (id: string) => Promise<string>;
}

/** @param coded - makes the error that says what it is on one wire. */
export function ownService(coded: () => Error): OwnService {
  const waits = new Map<string, { ended: Promise<string>; end: (code: string) => void }>();
  const waitOf = (id: string) => {
    let wait = waits.get(id);
    if (wait === undefined) {
      let end!: (code: string) => void;
      const ended = new Promise<string>((resolve) => (end = resolve));
      waits.set(id, (wait = { ended, end }));
    }
    return wait;
  };
  const endpoints = implement(Interop, {
    async sum({ a, b }) {
      return a === 0 && b === 0 ? { v: 0, err: "can't sum two zeroes" } : { v: a + b, err: "" };
    },
    async echo({ text }) {
      return { text };
    },
    fail: async ({ coded: isCoded }) => {
      throw isCoded ? coded() : new Error("out of order");
    },
    wait({ id, ms }, ctx) {
      return new Promise((resolve, reject) => {
        const { end } = waitOf(id);
        const timer = setTimeout(() => {
          leave();
          end("");
          resolve({});
        }, ms);
        const leave = ctx.onCancel((cause) => {
          clearTimeout(timer);
          end(codeOf(cause));
          reject(cause);
        });
      });
    },
    waited: async ({ id }) => ({ ended: await waitOf(id).ended }),
    whoami: async (_, ctx) => identityOf(ctx),
  });
  return { endpoints, ended: (id) => waitOf(id).ended };
}
