import { EventEmitter } from "node:events";

import { KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import { expect, it } from "vitest";

import { type Actor, type Phase, runGroup } from "../src/index.ts";

type Outcome = "absent" | "resolves" | "rejects" | "throws" | "is cancelled" | "waits";

const outcome = fc.constantFrom<Outcome>("absent", "resolves", "rejects", "throws", "is cancelled", "waits");
const plan = fc.record({
  phase: fc.constantFrom<Phase>("deregister", "drain", "close"),
  start: outcome,
  run: outcome,
  stop: outcome,
});
const order: readonly Phase[] = ["deregister", "drain", "close"];

function act(what: Outcome): Promise<void> {
  if (what === "throws") throw new Error("thrown");
  if (what === "rejects") return Promise.reject(new Error("rejected"));
  if (what === "is cancelled") return Promise.reject(new KitError("canceled", "enough"));
  return what === "waits" ? new Promise(() => {}) : Promise.resolve();
}

it("ends for one reason, stops what came up exactly once and in order, and forgets the signals", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { maxLength: 6 }), fc.boolean(), async (plans, patient) => {
      const came: number[] = plans.flatMap(({ start, run }, index) =>
        start === "absent" && run === "absent" ? [index] : [],
      );
      const stopped: number[] = [];

      const actors = plans.map(({ phase, start, run, stop }, index): Actor => {
        return {
          name: String(index),
          phase,
          ...(start !== "absent" && {
            async start() {
              await act(start);
              if (!came.includes(index)) came.push(index);
            },
          }),
          ...(run !== "absent" && {
            run() {
              if (!came.includes(index)) came.push(index);
              return act(run);
            },
          }),
          ...(stop !== "absent" && {
            stop() {
              stopped.push(index);
              return act(stop);
            },
          }),
        };
      });

      const signalSource = new EventEmitter();
      const ending = runGroup(actors, { signalSource });
      await new Promise(setImmediate);
      signalSource.emit("SIGTERM", "SIGTERM");
      if (patient) await new Promise(setImmediate);
      signalSource.emit("SIGINT", "SIGINT");
      const end = await ending;

      expect(signalSource.eventNames()).toEqual([]);
      expect(new Set(stopped).size).toBe(stopped.length);
      for (const index of stopped) expect(came).toContain(index);
      const places = stopped.map((index) => order.indexOf(plans[index]!.phase));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      const closed = stopped.filter((index) => plans[index]!.phase === "close");
      expect(closed).toEqual(closed.toSorted((a, b) => b - a));
      // What came up is stopped, unless the stop was cut short; then it is named.
      const named = new Set(end.stopErrors.map(({ actor }) => Number(actor)));
      for (const index of came) {
        expect(plans[index]!.stop === "absent" || stopped.includes(index) || named.has(index)).toBe(true);
      }
      expect(end.exitCode === 0).toBe(end.reason !== "failed" && end.stopErrors.length === 0);
    }),
    { numRuns: 300 },
  );
});
