import {
  background,
  type CallInfo,
  callInfo,
  type Code,
  type Codec,
  codeOf,
  codes,
  type Context,
  contextKey,
  type ContextKey,
  type Endpoint,
  KitError,
  text,
} from "@kit/endpoint";
import { inspect } from "node:util";
import { expect } from "vitest";
import { onSubject, runCases } from "./suite.ts";

/** What an error is made of, as `fail` is told. */
export interface TransportFailure {
  readonly code: Code;
  readonly message: string;
  readonly details?: unknown;
  readonly retryAfterMs?: number;
}

type Nothing = Readonly<Record<string, never>>;

/**
 * The contract that the suite has served and calls. Each request and response is an object, so that an IDL can say it; where one has no
 * word for any JSON value (`value`, `details`), JSON in a string will do. The suite brings the handlers; `setup` only declares the seven
 * methods in its transport's way, all of them without a timeout of their own.
 */
export interface TransportMethods {
  /** Any JSON value, up to 1 MB of it. */
  readonly echo: Endpoint<{ readonly value: unknown }, { readonly value: unknown }>;
  /** Integers. */
  readonly add: Endpoint<{ readonly a: number; readonly b: number }, { readonly sum: number }>;
  /** Rejects with a `KitError` made of its request. */
  readonly fail: Endpoint<TransportFailure, Nothing>;
  /** Rejects with an error of that message that is no `KitError`. */
  readonly unknownError: Endpoint<{ readonly message: string }, Nothing>;
  /** Stays until the suite lets it go. */
  readonly slow: Endpoint<{ readonly id: string }, { readonly id: string }>;
  /** What the context has under the suite's key of that name, as text. */
  readonly carried: Endpoint<{ readonly key: string }, { readonly value?: string | undefined }>;
  /** What the context says of the call. */
  readonly callInfo: Endpoint<Nothing, Omit<CallInfo, "peer">>;
}

/** A service that is up, and a client of it. */
export interface TransportConnection {
  readonly client: TransportMethods & AsyncDisposable;
  /** Stops the server, now: calls in hand are not waited for. */
  readonly close: () => Promise<void>;
}

/** What is tested: both ends of one transport. */
export interface TransportSubject {
  /** Serves the methods and connects to them. A case calls it once or twice, and disposes the client and closes the server at its end. */
  readonly serve: (methods: TransportMethods) => Promise<TransportConnection>;
}

/**
 * What a transport may be unable to do, by its protocol or its driver:
 * - `codes`: all sixteen codes arrive as they are;
 * - `details`, `retryAfterMs`: so do these parts of an error;
 * - `deadline`: the handler knows the caller's;
 * - `cancellation`: the handler learns that its caller has gone away;
 * - `carriedValues`: values of carried keys reach the handler;
 * - `outOfOrder`: of twenty calls, the last may be answered first.
 */
export type TransportCapability =
  | "codes"
  | "details"
  | "retryAfterMs"
  | "deadline"
  | "cancellation"
  | "carriedValues"
  | "outOfOrder";

export interface TransportSuiteOptions {
  /** Makes what one case runs on; what it shares among cases, such as a broker, it makes before. */
  readonly setup: () => Promise<{ readonly subject: TransportSubject; readonly teardown?: () => Promise<void> }>;
  /** `true`, or why not: the case is then skipped with that message. */
  readonly supports: Readonly<Record<TransportCapability, true | string>>;
  /** How long the suite waits for what should come at once, in ms. @default 20_000 — long after a loaded machine has answered */
  readonly patienceMs?: number;
}

export interface TransportCase {
  /** A sentence whose subject is the transport. */
  readonly title: string;
  readonly capability?: TransportCapability;
  readonly run: (subject: TransportSubject, patienceMs: number) => Promise<void>;
}

/** What every transport must do with a service that it serves and connects to, whatever its wire. */
export function testTransport(options: TransportSuiteOptions): void {
  const { setup, supports, patienceMs = 20_000 } = options;
  const run = async (one: TransportCase): Promise<void> =>
    onSubject(await setup(), (subject) => one.run(subject, patienceMs));
  runCases("a transport", transportCases, supports, run, 12 * patienceMs);
}

const whole: Codec<number> = { encode: String, decode: (sent) => (/^\d+$/.test(sent) ? Number(sent) : undefined) };
const word = contextKey("kit-conformance-word", { carry: text });
const count = contextKey("kit-conformance-count", { carry: whole });
const secret = contextKey<string>("@kit/conformance/secret");
const keys: Readonly<Record<string, ContextKey<string | number>>> = { word, count, secret };

const wellBehaved: TransportMethods = {
  echo: async (request) => request,
  add: async ({ a, b }) => ({ sum: a + b }),
  fail: ({ code, message, details, retryAfterMs }) =>
    Promise.reject(new KitError(code, message, { details, retryAfterMs })),
  unknownError: ({ message }) => Promise.reject(new Error(message, { cause: message })),
  slow: () => forever(),
  async carried({ key }, ctx) {
    const value = ctx.get(keys[key]!);
    return value === undefined ? {} : { value: String(value) };
  },
  async callInfo(_, ctx) {
    const { service, method, transport } = ctx.get(callInfo)!;
    return { service, method, transport };
  },
};

const numbers = [0, -1, 0.1, -1.5e-7, 1e21, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.MIN_VALUE];
const texts = ["", "a", "äöü 日本語 🙂 عربى", '\u0000\u0001\t\r\n"\\/', "\u2028\u2029\ufeff", "%00 %zz +&=;#?"];
const composites: readonly unknown[] = [
  [],
  {},
  [[], [[]], {}],
  [null, [1, "two", { three: false }]],
  { list: [{ deep: { er: [1.5, ""] } }] },
  { "": 1, constructor: 2, toString: 3, "a.b": 4, "a b": 5, ключ: 6 },
  Array.from({ length: 1_000 }, (_, n) => n),
];

/** What a case works with. */
interface Stage {
  /** Serves the suite's methods, some replaced by the case's own. */
  serve(methods?: Partial<TransportMethods>): Promise<TransportConnection>;
  /** What the promise comes to, if it does so in time; else the case has failed. */
  soon<T>(promise: PromiseLike<T>): Promise<T>;
  readonly patienceMs: number;
}

function staged(play: (stage: Stage) => Promise<void>): TransportCase["run"] {
  return async (subject, patienceMs) => {
    const connections: TransportConnection[] = [];
    const soon: Stage["soon"] = (promise) => inTime(promise, patienceMs);
    const serve: Stage["serve"] = async (methods = {}) => {
      const connection = await soon(subject.serve({ ...wellBehaved, ...methods }));
      connections.push(connection);
      return connection;
    };
    try {
      await play({ serve, soon, patienceMs });
    } finally {
      for (const { client, close } of connections) {
        await soon(client[Symbol.asyncDispose]());
        await soon(close());
      }
    }
  };
}

/** The suite's cases, as `testTransport` runs them. */
export const transportCases: readonly TransportCase[] = [
  {
    title: "carries every kind of JSON value there and back",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      for (const value of [null, true, false, ...numbers, ...texts, ...composites]) {
        expect((await soon(client.echo({ value }, background))).value).toStrictEqual(value);
      }
    }),
  },
  {
    title: "carries a megabyte there and back",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      // Three bytes each, so that pieces of any even size end within one.
      const value = "€".repeat(333_333);
      const answer = await soon(client.echo({ value }, background));
      expect(answer.value === value).toBe(true);
    }),
  },
  {
    title: "calls the method that was called",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      expect(await soon(client.add({ a: 40, b: 2 }, background))).toEqual({ sum: 42 });
      expect(await soon(client.echo({ value: 3 }, background))).toEqual({ value: 3 });
      expect(await soon(client.add({ a: -5, b: 0 }, background))).toEqual({ sum: -5 });
    }),
  },
  {
    title: "brings each of the sixteen codes and its message to the caller",
    capability: "codes",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      const sent = Object.keys(codes).map((code) => ({ code: code as Code, message: `it is ${code}` }));
      const calls = sent.map((failure) => soon(rejection(client.fail(failure, background))));
      const seen = (await Promise.all(calls)).map((error) => ({ code: codeOf(error), message: messageOf(error) }));
      expect(seen).toEqual(sent);
    }),
  },
  {
    title: "brings any text as an error's message to the caller",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      for (const message of ["", "äöü 日本語 🙂", "a\r\nx-evil: 1\r\n\r\n<b>", "%00 %zz \u0000", "x".repeat(4_000)]) {
        const error = await soon(rejection(client.fail({ code: "not_found", message }, background)));
        expect(messageOf(error)).toBe(message);
      }
    }),
  },
  {
    title: "brings an error's details to the caller",
    capability: "details",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      for (const details of [{ field: "naïve 🙂", issues: [{ path: "a.b", at: 1.5 }], none: null }, ["a", 1], "text"]) {
        const failure = { code: "invalid_argument", message: "no", details } as const;
        const error = await soon(rejection(client.fail(failure, background)));
        expect(error).toHaveProperty("details", details);
      }
      const without = await soon(rejection(client.fail({ code: "not_found", message: "no" }, background)));
      expect(without).not.toHaveProperty("details");
    }),
  },
  {
    title: "brings an error's retryAfterMs to the caller",
    capability: "retryAfterMs",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      for (const retryAfterMs of [250, 1_500, 86_400_000]) {
        const failure = { code: "resource_exhausted", message: "later", retryAfterMs } as const;
        const error = await soon(rejection(client.fail(failure, background)));
        expect(error).toHaveProperty("retryAfterMs", retryAfterMs);
      }
      const without = await soon(rejection(client.fail({ code: "unavailable", message: "no" }, background)));
      expect(without).not.toHaveProperty("retryAfterMs");
    }),
  },
  {
    title: "tells the caller nothing of an unknown error, however it is thrown",
    run: staged(async ({ serve, soon }) => {
      const hidden = "swordfish";
      const thrown: unknown[] = [
        Object.assign(new Error(hidden), { code: "not_found", details: hidden }),
        { message: hidden },
        hidden,
        undefined,
        null,
      ];
      const { client } = await serve({
        // Throws at once, which a handler that is not an async function may.
        slow: () => {
          throw new TypeError(hidden);
        },
        echo: ({ value }) => Promise.reject(thrown[value as number]),
      });
      const calls = [
        () => client.unknownError({ message: hidden }, background),
        () => client.slow({ id: "a" }, background),
        ...thrown.map((_, value) => () => client.echo({ value }, background)),
      ];
      for (const call of calls) {
        const error = await soon(rejection(call()));
        expect(codeOf(error)).toBe("unknown");
        expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(hidden);
      }
      expect(await soon(client.add({ a: 1, b: 2 }, background))).toEqual({ sum: 3 });
    }),
  },
  {
    title: "fails a call whose request or reply cannot be said, and goes on",
    run: staged(async ({ serve, soon }) => {
      const cycle: { self?: unknown } = {};
      cycle.self = cycle;
      const unsayable: readonly unknown[] = [1n, cycle];
      const { client } = await serve({ echo: async ({ value }) => ({ value: unsayable[value as number] }) });
      for (const [n, value] of unsayable.entries()) {
        await expect(soon(client.echo({ value: n }, background))).rejects.not.toSatisfy(isImpatience);
        await expect(soon(client.echo({ value }, background))).rejects.not.toSatisfy(isImpatience);
        expect(await soon(client.add({ a: 1, b: n }, background))).toEqual({ sum: 1 + n });
      }
    }),
  },
  {
    title: "shows the handler the caller's deadline, to a second",
    capability: "deadline",
    run: staged(async ({ serve, soon }) => {
      const seen: (number | undefined)[] = [];
      const { client } = await serve({
        async slow({ id }, ctx) {
          seen.push(ctx.deadline);
          return { id };
        },
      });
      for (const [n, timeoutMs] of [10_000, 30_000].entries()) {
        using ctx = background.withTimeout(timeoutMs);
        await soon(client.slow({ id: "a" }, ctx));
        // A wire that carries the time left adds what the way took.
        expect(Math.abs((seen[n] ?? 0) - ctx.deadline!)).toBeLessThan(1_000);
      }
    }),
  },
  {
    title: "ends the handler's context at the deadline",
    capability: "deadline",
    run: staged(async ({ serve, soon }) => {
      const handler = lasting();
      const { client } = await serve({ slow: handler.slow });
      using ctx = background.withTimeout(100);
      await expect(soon(client.slow({ id: "a" }, ctx))).rejects.toMatchObject({ code: "deadline_exceeded" });
      expect(["deadline_exceeded", "canceled"]).toContain(codeOf(await soon(handler.ended)));
    }),
  },
  {
    title: "answers the caller at its deadline, whatever the handler does",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      const before = Date.now();
      using ctx = background.withTimeout(100);
      await expect(soon(client.slow({ id: "a" }, ctx))).rejects.toMatchObject({ code: "deadline_exceeded" });
      expect(Date.now() - before).toBeGreaterThanOrEqual(99);
    }),
  },
  {
    title: "answers the caller that cancels with the reason it gave, whatever the handler does",
    run: staged(async ({ serve, soon }) => {
      const handler = lasting();
      const { client } = await serve({ slow: handler.slow });
      const ctx = background.withCancel();
      const call = client.slow({ id: "a" }, ctx);
      await soon(Promise.race([handler.began, call]));
      ctx.cancel(new KitError("aborted", "not wanted any more"));
      await expect(soon(call)).rejects.toMatchObject({ code: "aborted", message: "not wanted any more" });
    }),
  },
  {
    title: "ends the handler's context when the caller cancels",
    capability: "cancellation",
    run: staged(async ({ serve, soon }) => {
      const handler = lasting();
      const { client } = await serve({ slow: handler.slow });
      const ctx = background.withCancel();
      const call = rejection(client.slow({ id: "a" }, ctx));
      await soon(Promise.race([handler.began, call]));
      ctx.cancel();
      await soon(call);
      expect(codeOf(await soon(handler.ended))).toBe("canceled");
    }),
  },
  {
    title: "sends nothing for a context that is over",
    run: staged(async ({ serve, soon }) => {
      const seen: unknown[] = [];
      const { client } = await serve({
        async echo({ value }) {
          seen.push(value);
          return { value };
        },
      });
      const cancelled = background.withCancel();
      cancelled.cancel(new KitError("aborted", "never mind"));
      const late = background.withDeadline(Date.now() - 1);
      await expect(soon(client.echo({ value: "cancelled" }, cancelled))).rejects.toMatchObject({ code: "aborted" });
      await expect(soon(client.echo({ value: "late" }, late))).rejects.toMatchObject({ code: "deadline_exceeded" });
      await soon(client.echo({ value: "in time" }, background));
      expect(seen).toEqual(["in time"]);
    }),
  },
  {
    title: "carries values that their key says are carried, and no others",
    capability: "carriedValues",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      const read = async (key: string, ctx: Context): Promise<string | undefined> =>
        (await soon(client.carried({ key }, ctx))).value ?? undefined;
      const ctx = background.with(word, "acme").with(count, 7).with(secret, "hidden");
      expect([await read("word", ctx), await read("count", ctx), await read("secret", ctx)]).toEqual([
        "acme",
        "7",
        undefined,
      ]);
      expect([await read("word", background), await read("count", background)]).toEqual([undefined, undefined]);
      const calls = Array.from({ length: 100 }, (_, n) => read("count", background.with(count, n)));
      expect(await Promise.all(calls)).toEqual(calls.map((_, n) => String(n)));
    }),
  },
  {
    title: "carries hostile text as it is",
    capability: "carriedValues",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      for (const value of [
        "",
        " both ends ",
        "a\r\nx-evil: 1\r\n\r\nbody",
        "\u0000\u001f\u007f",
        "äöü 日本語 🙂",
        "%0d%0a % %zz %25",
        `a,b;c="d"\\`,
        "__proto__",
        "x".repeat(4_000),
      ]) {
        const answer = await soon(client.carried({ key: "word" }, background.with(word, value)));
        expect(answer.value).toBe(value);
      }
    }),
  },
  {
    title: "tells the handler which call it is",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve({
        echo: async (_, ctx) => ({ value: ctx.get(callInfo)?.method ?? "" }),
      });
      const info = await soon(client.callInfo({}, background));
      expect(info).toEqual({
        service: expect.stringMatching(/./),
        method: expect.stringMatching(/^callInfo$/i),
        transport: expect.stringMatching(/^[a-z]/),
      });
      expect((await soon(client.echo({ value: 1 }, background))).value).toMatch(/^echo$/i);
    }),
  },
  {
    title: "answers a thousand calls at once, each with its own reply",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve({
        async add({ a, b }) {
          if (a % 3 === 0) await turn();
          return { sum: a + b };
        },
      });
      const firsts = Array.from({ length: 1_000 }, (_, a) => a);
      const calls = firsts.map((a) => client.add({ a, b: 1_000_000 }, background));
      const sums = (await soon(Promise.all(calls))).map(({ sum }) => sum);
      expect(sums).toEqual(firsts.map((a) => a + 1_000_000));
    }),
  },
  {
    title: "brings each reply to its caller when the last call is answered first",
    capability: "outOfOrder",
    run: staged(async ({ serve, soon }) => {
      const answer = new Map<string, () => void>();
      let allBegan!: () => void;
      const began = new Promise<void>((resolve) => (allBegan = resolve));
      const { client } = await serve({
        slow: ({ id }) =>
          new Promise((resolve) => {
            answer.set(id, () => resolve({ id }));
            if (answer.size === 20) allBegan();
          }),
      });
      const calls = Array.from({ length: 20 }, (_, n) => ({ id: `call ${n}` })).map(
        (request) => [request, client.slow(request, background)] as const,
      );
      await soon(Promise.race([began, ...calls.map(([, call]) => call)]));
      for (const [request, call] of calls.toReversed()) {
        answer.get(request.id)!();
        expect(await soon(call)).toEqual(request);
      }
    }),
  },
  {
    title: "ends the calls in hand when its client is disposed",
    run: staged(async ({ serve, soon }) => {
      const handler = lasting();
      const { client } = await serve({ slow: handler.slow });
      const call = rejection(client.slow({ id: "a" }, background));
      await soon(Promise.race([handler.began, call]));
      await soon(client[Symbol.asyncDispose]());
      expect(["unavailable", "canceled"]).toContain(codeOf(await soon(call)));
    }),
  },
  {
    title: "refuses the calls of a disposed client",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      expect(await soon(client.add({ a: 1, b: 2 }, background))).toEqual({ sum: 3 });
      await soon(client[Symbol.asyncDispose]());
      await expect(soon(client.add({ a: 1, b: 2 }, background))).rejects.toMatchObject({ code: "unavailable" });
      const { client: unused } = await serve();
      await soon(unused[Symbol.asyncDispose]());
      await expect(soon(unused.add({ a: 1, b: 2 }, background))).rejects.toMatchObject({ code: "unavailable" });
    }),
  },
  {
    title: "lets its client be disposed several times, at once and later",
    run: staged(async ({ serve, soon }) => {
      const { client } = await serve();
      await soon(client.add({ a: 1, b: 2 }, background));
      await soon(Promise.all([client[Symbol.asyncDispose](), client[Symbol.asyncDispose]()]));
      await expect(soon(client[Symbol.asyncDispose]())).resolves.not.toBeInstanceOf(Error);
    }),
  },
  {
    title: "leaves no call hanging when the server stops",
    run: staged(async ({ serve, soon, patienceMs }) => {
      const handler = lasting();
      const { client, close } = await serve({ slow: handler.slow });
      // Where nobody tells of a server's end, the deadline does.
      using ctx = background.withTimeout(patienceMs / 4);
      const call = rejection(client.slow({ id: "a" }, ctx));
      await soon(Promise.race([handler.began, call]));
      await soon(close());
      const ends = ["unavailable", "deadline_exceeded"];
      expect(ends).toContain(codeOf(await soon(call)));
      using later = background.withTimeout(patienceMs / 4);
      expect(ends).toContain(codeOf(await soon(rejection(client.add({ a: 1, b: 2 }, later)))));
    }),
  },
  {
    title: "leaves no rejection unhandled and throws nothing at nobody",
    run: staged(async ({ serve, soon }) => {
      const stray = await strays(async () => {
        const late = lasting();
        const { client, close } = await serve({ slow: late.slow });
        const ctx = background.withCancel();
        const [cancelled, abandoned] = [client.slow({ id: "a" }, ctx), client.slow({ id: "b" }, background)].map(
          rejection,
        );
        await soon(Promise.race([late.began, cancelled]));
        ctx.cancel();
        await soon(cancelled!);
        await soon(client[Symbol.asyncDispose]());
        await soon(abandoned!);
        late.fail(new Error("too late to matter"));
        await turn();
        await soon(close());
      });
      expect(stray).toEqual([]);
    }),
  },
  {
    title: "holds nothing that keeps the process alive once both ends are closed",
    run: staged(async ({ serve, soon, patienceMs }) => {
      const before = held();
      const { client, close } = await serve({ slow: lasting().slow });
      for (let n = 0; n < 10; n++) {
        // A context that goes on, of which a call that is over must have let go; and one that is soon over, for servers that are not told of a cancellation.
        const [ctx, cancelled] = [background.withTimeout(3_600_000), background.withTimeout(patienceMs / 4)];
        await soon(client.add({ a: 1, b: n }, ctx));
        await soon(rejection(client.fail({ code: "not_found", message: "no" }, ctx)));
        const call = rejection(client.slow({ id: "a" }, cancelled));
        cancelled.cancel();
        await soon(call);
      }
      await soon(client[Symbol.asyncDispose]());
      await soon(close());
      // What is closed may take some turns of the loop to go.
      const until = Date.now() + patienceMs;
      while (more(held(), before).length > 0 && Date.now() < until) await turn();
      expect(more(held(), before)).toEqual([]);
    }),
  },
];

class Impatience extends Error {}

function isImpatience(error: unknown): boolean {
  return error instanceof Impatience;
}

function inTime<T>(promise: PromiseLike<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Impatience(`nothing came of it within ${ms} ms`)), ms);
    const stop = (): void => clearTimeout(timer);
    promise.then(resolve, reject).then(stop, stop);
  });
}

function forever(): Promise<never> {
  return new Promise(() => {});
}

/** What the call rejects with. It must not resolve. */
function rejection(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => {
      throw new Error("the call succeeded");
    },
    (error: unknown) => error,
  );
}

function messageOf(error: unknown): unknown {
  return (error as Error | undefined)?.message;
}

/** A handler that never answers by itself, and what is known of it. */
function lasting(): {
  readonly slow: TransportMethods["slow"];
  readonly began: Promise<void>;
  /** Why its context ended. */
  readonly ended: Promise<Error>;
  /** Makes all calls in hand fail. */
  readonly fail: (error: Error) => void;
} {
  let begin!: () => void;
  let end!: (cause: Error) => void;
  const began = new Promise<void>((resolve) => (begin = resolve));
  const ended = new Promise<Error>((resolve) => (end = resolve));
  const inHand: ((error: Error) => void)[] = [];
  const slow: TransportMethods["slow"] = (_, ctx) =>
    new Promise((_resolve, reject) => {
      inHand.push(reject);
      ctx.onCancel(end);
      begin();
    });
  return { slow, began, ended, fail: (error) => inHand.forEach((reject) => reject(error)) };
}

/** What nobody caught while it ran. The runner's own listeners would fail the run before the case can tell why. */
async function strays(run: () => Promise<void>): Promise<unknown[]> {
  const events = ["unhandledRejection", "uncaughtException"] as const;
  const others = events.map((event) => process.rawListeners(event));
  const caught: unknown[] = [];
  for (const event of events) process.removeAllListeners(event).on(event, (error: unknown) => caught.push(error));
  try {
    await run();
    for (let i = 0; i < 5; i++) await turn();
  } finally {
    for (const [i, event] of events.entries()) {
      process.removeAllListeners(event);
      for (const listener of others[i]!) process.on(event, listener as () => void);
    }
  }
  return caught;
}

/** What keeps this process alive, by kind. */
function held(): readonly string[] {
  return process.getActiveResourcesInfo();
}

function more(now: readonly string[], before: readonly string[]): string[] {
  const rest = [...before];
  return now.filter((kind) => {
    const at = rest.indexOf(kind);
    if (at !== -1) rest.splice(at, 1);
    return at === -1;
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
