import { AsyncLocalStorage } from "node:async_hooks";
import { background, type Context, type ContextKey, contextKey } from "@kit/endpoint";
import { type Context as OtelContext, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";

import type { Bench, Plan, Result } from "../bench.ts";
import { goPrograms } from "../go/programs.ts";
import { cpuMs, interleave } from "../interleave.ts";

const longMs = 1000;

type Three<T> = [T, T, T];

// Each context is put here, as it would be handed to an endpoint: else the engine would not even make it.
const handed: { context: Context | OtelContext | AbortSignal } = { context: background };
let ended = 0;

function onEnd(): void {
  ended += 1;
}

async function values(plan: Plan): Promise<Result> {
  const [a, b, c] = ["a", "b", "c"].map((name) => contextKey<number>(`@kit/bench/${name}`)) as Three<
    ContextKey<number>
  >;
  const [x, y, z] = ["x", "y", "z"].map((name) => createContextKey(name)) as Three<symbol>;
  const storage = new AsyncLocalStorage<Readonly<Partial<Record<"a" | "b" | "c", number>>>>();
  await using go = goPrograms();
  const costs = await interleave(
    {
      "kit context"(count) {
        let sum = 0;
        for (let i = 0; i < count; i += 1) {
          const ctx = background.with(a, i).with(b, i).with(c, i);
          handed.context = ctx;
          sum += ctx.get(a)!;
        }
        return sum;
      },
      "OpenTelemetry context"(count) {
        let sum = 0;
        for (let i = 0; i < count; i += 1) {
          const ctx = ROOT_CONTEXT.setValue(x, i).setValue(y, i).setValue(z, i);
          handed.context = ctx;
          sum += ctx.getValue(x) as number;
        }
        return sum;
      },
      AsyncLocalStorage(count) {
        let sum = 0;
        for (let i = 0; i < count; i += 1) {
          storage.run({ a: i }, () =>
            storage.run({ ...storage.getStore(), b: i }, () =>
              storage.run({ ...storage.getStore(), c: i }, () => {
                sum += storage.getStore()!.a!;
              }),
            ),
          );
        }
        return sum;
      },
      ...go.loops({ "Go context": "context-values" }),
    },
    plan,
    cpuMs,
  );
  const claims = [{ ours: "kit context", other: "OpenTelemetry context", goal: 3 }];
  return { title: "three values set, the first one read", costs, claims };
}

async function cancelled(plan: Plan): Promise<Result> {
  await using go = goPrograms();
  const costs = await interleave(
    {
      "kit context"(count) {
        for (let i = 0; i < count; i += 1) {
          const ctx = background.withTimeout(longMs);
          handed.context = ctx;
          ctx.cancel();
        }
      },
      "AbortSignal.any"(count) {
        for (let i = 0; i < count; i += 1) {
          const controller = new AbortController();
          handed.context = AbortSignal.any([AbortSignal.timeout(longMs), controller.signal]);
          controller.abort();
        }
      },
      ...go.loops({ "Go context": "context-timeout" }),
    },
    plan,
    cpuMs,
  );
  const claims = [{ ours: "kit context", other: "AbortSignal.any", goal: 20 }];
  return { title: "a timeout, cancelled before", costs, claims };
}

async function listenedTo(plan: Plan): Promise<Result> {
  const costs = await interleave(
    {
      "kit context"(count) {
        for (let i = 0; i < count; i += 1) {
          const ctx = background.withTimeout(longMs);
          ctx.onCancel(onEnd);
          ctx.cancel();
        }
      },
      "AbortSignal.any"(count) {
        for (let i = 0; i < count; i += 1) {
          const controller = new AbortController();
          AbortSignal.any([AbortSignal.timeout(longMs), controller.signal]).addEventListener("abort", onEnd);
          controller.abort();
        }
      },
    },
    plan,
    cpuMs,
  );
  return { title: "the same, with a listener", costs, claims: [] };
}

/** What a context costs beside what else there is for the same purpose. */
export const bench: Bench = [values, cancelled, listenedTo];
