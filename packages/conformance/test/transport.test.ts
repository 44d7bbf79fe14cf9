import {
  background,
  callInfo,
  type Code,
  codeOf,
  type Context,
  type ContextKey,
  type Endpoint,
  extract,
  fromWire,
  inject,
  KitError,
  toWire,
} from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import {
  testTransport,
  transportCases,
  type TransportConnection,
  type TransportMethods,
  type TransportSubject,
} from "../src/transport.ts";

type Wrap = (endpoint: Endpoint, method: string) => Endpoint;

/** A transport that does all it should, in memory and through JSON. */
const memory: TransportSubject = {
  async serve(methods) {
    const inHand = new Set<(why: Error) => void>();
    let gone: Error | undefined;
    const end = async (): Promise<void> => {
      gone ??= new KitError("unavailable", "closed");
      for (const hangUp of inHand) hangUp(gone);
    };
    const wire: Wrap = (handler, method) => async (request, ctx) => {
      if (gone !== undefined) throw gone;
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      const sent = JSON.stringify(request);
      const headers = new Map<string, string>();
      inject(ctx, (name, value) => headers.set(name, value));
      using call = ctx.deadline === undefined ? background.withCancel() : background.withDeadline(ctx.deadline);
      const received = extract(call, (name) => headers.get(name)).with(callInfo, {
        service: "suite",
        method,
        transport: "memory",
      });
      let hangUp!: (why: Error) => void;
      const hungUp = new Promise<never>((_, reject) => (hangUp = reject));
      inHand.add(hangUp);
      const forget = ctx.onCancel((cause) => {
        hangUp(cause);
        call.cancel(cause);
      });
      const answer = (async () => handler(JSON.parse(sent), received))().then(JSON.stringify, (error: unknown) => {
        throw fromWire(JSON.parse(JSON.stringify(toWire(error))));
      });
      try {
        return JSON.parse(await Promise.race([answer, hungUp]));
      } finally {
        forget();
        inHand.delete(hangUp);
      }
    };
    return { client: disposable(each(methods, wire), end), close: end };
  },
};

function each(methods: TransportMethods, wrap: Wrap): TransportMethods {
  const wrapped = Object.entries(methods).map(([name, endpoint]) => [name, wrap(endpoint, name)]);
  return Object.fromEntries(wrapped) as TransportMethods;
}

function disposable(methods: TransportMethods, dispose: () => PromiseLike<void>): TransportConnection["client"] {
  return { ...methods, [Symbol.asyncDispose]: dispose };
}

describe("in memory", () => {
  testTransport({
    setup: async () => ({ subject: memory }),
    supports: {
      codes: true,
      details: true,
      retryAfterMs: true,
      deadline: true,
      cancellation: true,
      carriedValues: true,
      outOfOrder: true,
    },
  });
});

describe("in memory, of few words", () => {
  const why = "this one has no such thing";
  const terse = onServer((handler) => async (request, ctx) => {
    try {
      return await handler(request, background.with(callInfo, ctx.get(callInfo)!));
    } catch (error) {
      throw new KitError(codeOf(error) === "unknown" ? "unknown" : "internal", toWire(error).message);
    }
  });
  testTransport({
    setup: async () => ({ subject: terse }),
    supports: {
      codes: why,
      details: why,
      retryAfterMs: why,
      deadline: why,
      cancellation: why,
      carriedValues: why,
      outOfOrder: why,
    },
  });
});

// Each of these does to a sound transport what a broken one does.

function onServer(wrap: Wrap): TransportSubject {
  return { serve: (methods) => memory.serve(each(methods, wrap)) };
}

function onClient(wrap: Wrap): TransportSubject {
  return onConnection(({ client, close }) => ({
    client: disposable(each(client, wrap), () => client[Symbol.asyncDispose]()),
    close,
  }));
}

function onConnection(change: (connection: TransportConnection) => TransportConnection): TransportSubject {
  return { serve: async (methods) => change(await memory.serve(methods)) };
}

/** Text is other text on this wire. */
function garbles(garble: (json: string) => string): TransportSubject {
  return onClient((send) => async (request, ctx) => send(JSON.parse(garble(JSON.stringify(request))), ctx));
}

/** The caller is told another error. */
function errors(replace: (error: any) => unknown): TransportSubject {
  return onServer((handler) => async (request, ctx) => {
    try {
      return await handler(request, ctx);
    } catch (error) {
      throw replace(error);
    }
  });
}

/** The handler is given another context. */
function contexts(replace: (ctx: Context) => Context): TransportSubject {
  return onServer((handler) => (request, ctx) => handler(request, replace(ctx)));
}

/** The caller's context counts for something else. */
function callers(replace: (ctx: Context) => Context): TransportSubject {
  return onClient((send) => (request, ctx) => send(request, replace(ctx)));
}

/** Has the deadline that it says and all values of the other, and never ends. */
function endless(ctx: Context, deadline: number | undefined = ctx.deadline): Context {
  return {
    deadline,
    cancelled: undefined,
    get: ctx.get.bind(ctx),
    onCancel: () => () => {},
  } as unknown as Context;
}

/** Hands out answers in the order of the calls, whichever comes first. */
function inOrder(): TransportSubject {
  return onClient((send) => {
    const waiting: ((answer: Promise<unknown>) => void)[] = [];
    return (request, ctx) => {
      const mine = new Promise((resolve) => waiting.push(resolve));
      const answer = send(request, ctx);
      const done = (): void => waiting.shift()!(answer);
      answer.then(done, done);
      return mine;
    };
  });
}

function oneAtATime(): TransportSubject {
  return onServer((handler) => {
    let last: Promise<unknown> = Promise.resolve();
    return (request, ctx) => {
      const answer = last.then(() => handler(request, ctx));
      last = answer.catch(() => {});
      return answer;
    };
  });
}

const forgetful: TransportSubject = onConnection(({ client, close }) => ({
  client: disposable(client, async () => {}),
  close,
}));

const latin1 = (json: string): string => json.replaceAll(/[^\0-\xFF]/gu, "?");

const hanging = (): Promise<never> => new Promise(() => {});

/** For each case, transports that must fail it. */
const broken: Record<string, readonly TransportSubject[]> = {
  "carries every kind of JSON value there and back": [
    garbles(latin1),
    garbles((json) => json.replaceAll("null", "0")),
    garbles((json) => json.replaceAll(/\\u00[01]./g, "")),
    garbles((json) => json.replaceAll("[]", "{}")),
    onClient((send, method) => async (request, ctx) => {
      if (method !== "echo" || typeof request.value !== "number") return send(request, ctx);
      return { value: Math.fround(request.value) };
    }),
  ],
  "carries a megabyte there and back": [
    onServer((handler) => async (request, ctx) => {
      if (JSON.stringify(request).length > 65_536) throw new KitError("resource_exhausted", "too long");
      return handler(request, ctx);
    }),
    // Decodes each piece by itself.
    garbles((json) => {
      const bytes = Buffer.from(json);
      let decoded = "";
      for (let at = 0; at < bytes.length; at += 65_536) decoded += bytes.subarray(at, at + 65_536).toString();
      return decoded;
    }),
  ],
  "calls the method that was called": [
    { serve: (methods) => memory.serve({ ...methods, add: methods.echo as Endpoint }) },
    onClient((send) => {
      let first: Promise<unknown> | undefined;
      return (request, ctx) => (first ??= send(request, ctx));
    }),
  ],
  "brings each of the sixteen codes and its message to the caller": [
    errors(
      (error) => new KitError(error.code === "failed_precondition" ? "invalid_argument" : error.code, error.message),
    ),
    errors((error) => new KitError(error.code, error.code)),
    errors(() => new Error("failed")),
  ],
  "brings any text as an error's message to the caller": [
    errors((error) => new KitError(error.code, error.message.split("\r\n")[0])),
    errors((error) => new KitError(error.code, latin1(error.message))),
    errors((error) => new KitError(error.code, error.message || error.code)),
  ],
  "brings an error's details to the caller": [
    errors(({ code, message }) => new KitError(code, message)),
    errors(({ code, message, details }) => new KitError(code, message, { details: JSON.stringify(details) })),
    errors(({ code, message, details = null }) => new KitError(code, message, { details })),
  ],
  "brings an error's retryAfterMs to the caller": [
    errors(({ code, message }) => new KitError(code, message)),
    errors(({ code, message, retryAfterMs = 0 }) => {
      return new KitError(code, message, { retryAfterMs: Math.ceil(retryAfterMs / 1000) * 1000 });
    }),
  ],
  "tells the caller nothing of an unknown error, however it is thrown": [
    errors((error) => new KitError("unknown", String(error?.message ?? error))),
    errors((error) => (error instanceof Error ? error : new KitError("internal", "failed"))),
    errors((error) => new KitError((error?.code as Code) ?? "unknown", "failed", { details: error?.details })),
    onClient((send) => (request, ctx) => {
      return send(request, ctx).catch((error) => Promise.reject(Object.assign(error, { cause: request })));
    }),
    // One that throws at once is never heard of again.
    onServer((handler) => (request, ctx) => {
      try {
        return handler(request, ctx);
      } catch {
        return hanging();
      }
    }),
  ],
  "fails a call whose request or reply cannot be said, and goes on": [
    onClient((send) => (request, ctx) => {
      return send(request, ctx).catch((error) => (error instanceof TypeError ? hanging() : Promise.reject(error)));
    }),
    onClient((send) => (request, ctx) => send(request, ctx).catch(() => ({ value: undefined }))),
    (() => {
      let poisoned = false;
      return onClient((send) => async (request, ctx) => {
        if (poisoned) throw new KitError("unavailable", "the connection is broken");
        return send(request, ctx).catch((error) => {
          poisoned = true;
          throw error;
        });
      });
    })(),
  ],
  "shows the handler the caller's deadline, to a second": [
    contexts((ctx) => ({ ...endless(ctx), deadline: undefined })),
    contexts((ctx) => background.withTimeout(10_000).with(callInfo, ctx.get(callInfo)!)),
    contexts((ctx) => endless(ctx, ctx.deadline! + 5_000)),
  ],
  "ends the handler's context at the deadline": [contexts((ctx) => endless(ctx))],
  "answers the caller at its deadline, whatever the handler does": [
    callers((ctx) => endless(ctx)),
    callers((ctx) => ctx.withTimeout(30)),
    onClient((send) => (request, ctx) => send(request, ctx).catch(() => Promise.reject(new Error("timeout")))),
  ],
  "answers the caller that cancels with the reason it gave, whatever the handler does": [
    callers((ctx) => endless(ctx)),
    onClient((send) => (request, ctx) => {
      return send(request, ctx).catch(() => Promise.reject(new KitError("canceled", "canceled")));
    }),
  ],
  "ends the handler's context when the caller cancels": [
    contexts((ctx) => endless(ctx)),
    contexts((ctx) => {
      const child = background.withCancel();
      ctx.onCancel(() => child.cancel(new KitError("deadline_exceeded", "late")));
      return child;
    }),
  ],
  "sends nothing for a context that is over": [
    onClient((send) => async (request, ctx) => {
      const answer = await send(request, background);
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      return answer;
    }),
    callers((ctx) => endless(ctx)),
  ],
  "carries values that their key says are carried, and no others": [
    callers((ctx) => (ctx.deadline === undefined ? background : background.withDeadline(ctx.deadline))),
    // Takes the context itself along, which only works in memory.
    (() => {
      let caller: Context = background;
      const inner = contexts(
        (ctx) =>
          ({
            ...endless(ctx),
            get: (key: ContextKey<unknown>) => caller.get(key) ?? ctx.get(key),
          }) as unknown as Context,
      );
      return {
        serve: async (methods) => {
          const { client, close } = await inner.serve(methods);
          const remember: Wrap = (send) => (request, ctx) => send(request, (caller = ctx));
          return { client: disposable(each(client, remember), () => client[Symbol.asyncDispose]()), close };
        },
      };
    })(),
    // What came once is there for ever.
    (() => {
      let first: Context | undefined;
      return contexts((ctx) => (first ??= ctx));
    })(),
  ],
  "carries hostile text as it is": [
    (value: string) => value.trim(),
    (value: string) => value.split("\r\n")[0]!,
    (value: string) => value.replaceAll(/[^\0-\xFF]/gu, "?"),
    (value: string) => value.slice(0, 1_024),
    (value: string) => value || undefined,
  ].map((change) =>
    onServer((handler, method) => async (request, ctx) => {
      const answer = await handler(request, ctx);
      return method === "carried" && answer.value !== undefined ? { value: change(answer.value) } : answer;
    }),
  ),
  "tells the handler which call it is": [
    contexts((ctx) => ({ ...endless(ctx), get: () => undefined })),
    contexts((ctx) => ctx.with(callInfo, { service: "suite", method: "callInfo", transport: "memory" })),
    contexts((ctx) => ctx.with(callInfo, { ...ctx.get(callInfo)!, service: "" })),
  ],
  "answers a thousand calls at once, each with its own reply": [
    inOrder(),
    (() => {
      let inHand = 0;
      return onServer((handler) => async (request, ctx) => {
        if (inHand >= 500) throw new KitError("resource_exhausted", "too many");
        inHand += 1;
        return handler(request, ctx).finally(() => (inHand -= 1));
      });
    })(),
    onServer((handler) => {
      let n = 0;
      return (request, ctx) => (++n === 777 ? hanging() : handler(request, ctx));
    }),
  ],
  "brings each reply to its caller when the last call is answered first": [inOrder(), oneAtATime()],
  "ends the calls in hand when its client is disposed": [
    forgetful,
    onConnection(({ client, close }) => ({
      client: disposable(client, hanging),
      close,
    })),
    onClient((send) => (request, ctx) => send(request, ctx).catch(() => Promise.reject(new Error("socket closed")))),
  ],
  "refuses the calls of a disposed client": [
    forgetful,
    onClient((send) => (request, ctx) => send(request, ctx).catch(() => Promise.reject(new Error("socket closed")))),
    onClient((send) => (request, ctx) => send(request, ctx).catch(hanging)),
  ],
  "lets its client be disposed several times, at once and later": [
    onConnection(({ client, close }) => {
      let disposed = false;
      const dispose = async (): Promise<void> => {
        if (disposed) throw new Error("closed already");
        disposed = true;
        await client[Symbol.asyncDispose]();
      };
      return { client: disposable(client, dispose), close };
    }),
    onConnection(({ client, close }) => {
      let disposed = false;
      const dispose = (): Promise<void> => {
        if (disposed) return hanging();
        disposed = true;
        return Promise.resolve(client[Symbol.asyncDispose]());
      };
      return { client: disposable(client, dispose), close };
    }),
  ],
  "leaves no call hanging when the server stops": [
    onClient((send) => (request, ctx) => send(request, ctx).catch(hanging)),
    onConnection(({ client }) => ({ client, close: hanging })),
    onConnection(({ client }) => ({ client, close: async () => {} })),
  ],
  "leaves no rejection unhandled and throws nothing at nobody": [
    onServer((handler) => (request, ctx) => {
      const answer = handler(request, ctx);
      void answer.then(() => {});
      return answer;
    }),
    onClient((send) => (request, ctx) => {
      ctx.onCancel(() => {
        queueMicrotask(() => {
          throw new Error("write after end");
        });
      });
      return send(request, ctx);
    }),
  ],
  "holds nothing that keeps the process alive once both ends are closed": [
    onClient((send) => (request, ctx) => {
      // A context with a deadline holds a timer while somebody listens.
      ctx.onCancel(() => {});
      return send(request, ctx);
    }),
    onConnection((connection) => {
      leaked.push(...[1, 2, 3].map(() => setInterval(() => {}, 60_000)));
      return connection;
    }),
  ],
};

const leaked: NodeJS.Timeout[] = [];

describe("the suite", () => {
  it("has a broken transport for every case", () => {
    expect(Object.keys(broken).toSorted()).toEqual(transportCases.map(({ title }) => title).toSorted());
  });

  for (const { title, run } of transportCases) {
    for (const [i, subject] of (broken[title] ?? []).entries()) {
      it(`catches broken one ${i + 1}: ${title}`, async () => {
        await expect(run(subject, 250)).rejects.toBeInstanceOf(Error);
        for (const timer of leaked.splice(0)) clearInterval(timer);
      });
    }
  }
});
