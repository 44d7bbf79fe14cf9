import { background, callInfo, codeOf, type Context, contextKey, KitError } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import {
  type HttpClientOptions,
  fetchSender,
  httpClient,
  type HttpHandlerOptions,
  httpHandler,
  setRequestHeader,
} from "../src/index.ts";

const step = contextKey<readonly string[]>("@test/step");

/** Adds a word to those in the context. */
function noting(ctx: Context, word: string): Context {
  return ctx.with(step, [...(ctx.get(step) ?? []), word]);
}

const steps = ["decode", "endpoint", "after", "encode"] as const;

describe("the hooks of a server", () => {
  /** A handler all of whose steps say that they ran, one of which may fail. */
  function spoken(failing: string | undefined, said: string[], more: HttpHandlerOptions<any, any> = {}) {
    const say = (word: string): void => {
      said.push(word);
      if (word === failing) throw new KitError("aborted", word);
    };
    const options: HttpHandlerOptions<any, any> = {
      before: [
        (ctx) => (say("before"), noting(ctx, "before")),
        (ctx) => (say("before again"), noting(ctx, "before again")),
      ],
      decode: (_, ctx) => (say("decode"), ctx.get(step)),
      after: [(ctx) => (say("after"), noting(ctx, "after")), (ctx) => say(`after again, ${ctx.get(step)?.at(-1)}`)],
      encode: (response, reply, ctx) => {
        say("encode");
        reply.body = JSON.stringify([response, ctx.get(step)]);
      },
      onError: (error) => void said.push(`onError ${codeOf(error)}`),
      finalizer: [
        (_, { status, error }) => void said.push(`finalizer ${status} ${error === undefined ? "" : codeOf(error)}`),
        (ctx) => void said.push(`finalizer again, ${ctx?.get(step)?.at(-1)}`),
      ],
      ...more,
    };
    return httpHandler(async (request, ctx) => (say("endpoint"), [request, ctx.get(step)]), options);
  }

  const ask = (handler: ReturnType<typeof spoken>): Promise<Response> => handler.fetch(new Request("http://test/"));

  it("run in order, each with the context of the one before", async () => {
    const said: string[] = [];
    const response = await ask(spoken(undefined, said));
    const before = ["before", "before again"];
    const work = ["decode", "endpoint", "after", "after again, after", "encode"];
    expect(said).toEqual([...before, ...work, "finalizer 200 ", "finalizer again, after"]);
    expect(await response.json()).toEqual([
      [before, before],
      [...before, "after"],
    ]);
  });

  it.each(steps.map((failing, i) => [failing, steps.slice(0, i + 1)] as const))(
    "skip what comes after a failed %s, but for onError and the finalizers",
    async (failing, ran) => {
      const said: string[] = [];
      const response = await ask(spoken(failing, said));
      expect(response.status).toBe(409);
      expect(said.filter((word) => steps.includes(word as "decode"))).toEqual(ran);
      expect(said.slice(-3, -1)).toEqual(["onError aborted", "finalizer 409 aborted"]);
    },
  );

  it("give onError the error itself, once, and the context as far as it came", async () => {
    const onError = vi.fn<(error: unknown, ctx: Context | undefined) => void>();
    await ask(spoken("before again", [], { onError }));
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "aborted" }), expect.anything());
    expect(onError.mock.lastCall?.[1]?.get(step)).toEqual(["before"]);
    expect(onError.mock.lastCall?.[1]?.get(callInfo)).toMatchObject({ method: "/", transport: "http" });
  });

  it("call onError without a context for a request that gets none", async () => {
    const onError = vi.fn<(error: unknown, ctx: Context | undefined) => void>();
    const headers = { "connect-timeout-ms": "soon" };
    const response = await httpHandler(async () => 1, { onError }).fetch(new Request("http://test/", { headers }));
    expect(response.status).toBe(400);
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "invalid_argument" }), undefined);
  });

  it("wait for an error encoder that takes its time", async () => {
    const errorEncoder: NonNullable<HttpHandlerOptions<any, any>["errorEncoder"]> = async (error, reply) => {
      await Promise.resolve();
      reply.status = 418;
      reply.body = codeOf(error);
    };
    const response = await ask(spoken("endpoint", [], { errorEncoder }));
    expect([response.status, await response.text()]).toEqual([418, "aborted"]);
  });

  it("answer 500 when the error encoder chooses no status", async () => {
    expect((await ask(spoken("endpoint", [], { errorEncoder: () => {} }))).status).toBe(500);
  });

  it("answer once, whatever comes of an endpoint that was given up on", async () => {
    const outcomes: unknown[] = [];
    const finalizer = [(_: unknown, { status }: { status: number }) => void outcomes.push(status)];
    for (const end of ["resolve", "reject"] as const) {
      let settle!: Record<typeof end, (value: Error) => void>;
      const work = new Promise<Error>((resolve, reject) => (settle = { resolve, reject }));
      const handler = httpHandler(() => work, { finalizer, maxTimeoutMs: 20 });
      expect((await handler.fetch(new Request("http://test/"))).status).toBe(504);
      settle[end](new Error("late"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(outcomes).toEqual([504, 504]);
  });

  it.each(["errorEncoder", "onError"])("answer 500 when %s throws, and tell the finalizer", async (hook) => {
    const seen: unknown[] = [];
    const broken = {
      [hook]: () => {
        throw new Error("oops");
      },
      finalizer: [(_: unknown, outcome: { error: unknown }) => void seen.push(String(outcome.error))],
    };
    const response = await ask(spoken("endpoint", [], broken));
    expect([response.status, await response.json()]).toEqual([500, { code: "unknown", message: "internal error" }]);
    expect(seen).toEqual(["Error: oops"]);
  });

  it("may give the call a shorter life", async () => {
    const before = [(ctx: Context) => ctx.withTimeout(20)];
    const handler = httpHandler((_, ctx) => new Promise((_resolve, reject) => void ctx.onCancel(reject)), { before });
    expect((await handler.fetch(new Request("http://test/"))).status).toBe(504);
  });
});

describe("the hooks of a client", () => {
  function spoken(failing: string | undefined, said: string[], more: Partial<HttpClientOptions<any, any>> = {}) {
    const say = (word: string): void => {
      said.push(word);
      if (word === failing) throw new KitError("aborted", word);
    };
    const fetch = async (request: Request): Promise<Response> => {
      say(`send ${request.headers.get("x-step")}`);
      return new Response('"done"', { headers: { "x-served-by": "test" } });
    };
    return httpClient({
      url: "http://test/path",
      sender: fetchSender({ origin: "http://test", fetch }),
      encode: () => say("encode"),
      before: [
        (ctx, message) => {
          say("before");
          message.headers["x-step"] = "before";
          return noting(ctx, "before");
        },
        (ctx) => say(`before again, ${ctx.get(step)?.at(-1)}`),
      ],
      after: [(ctx, response) => (say(`after ${response.header("x-served-by")}`), noting(ctx, "after"))],
      decode: (_, ctx) => (say("decode"), ctx.get(step)),
      finalizer: [
        (ctx, { request, response, error }) => {
          const how = error === undefined ? "" : codeOf(error);
          said.push(`finalizer ${request.path} ${response?.status} ${how} ${ctx.get(step)?.at(-1)}`);
        },
      ],
      ...more,
    });
  }

  it("run in order, each with the context of the one before", async () => {
    const said: string[] = [];
    expect(await spoken(undefined, said)({}, background)).toEqual(["before", "after"]);
    const before = ["encode", "before", "before again, before"];
    expect(said).toEqual([...before, "send before", "after test", "decode", "finalizer /path 200  after"]);
  });

  it.each([
    ["encode", "aborted", "finalizer /path undefined aborted undefined"],
    ["before", "aborted", "finalizer /path undefined aborted undefined"],
    ["send before", "aborted", "finalizer /path undefined aborted before"],
    ["after test", "aborted", "finalizer /path 200 aborted before"],
    ["decode", "aborted", "finalizer /path 200 aborted after"],
  ])("skip what comes after a failed %s, but for the finalizer", async (failing, code, last) => {
    const said: string[] = [];
    await expect(spoken(failing, said)({}, background)).rejects.toMatchObject({ code });
    expect(said.slice(-2)).toEqual([failing, last]);
  });

  it("see a response whatever its status", async () => {
    const seen: unknown[] = [];
    const client = httpClient({
      url: "http://test",
      sender: fetchSender({ origin: "http://test", fetch: async () => new Response("gone", { status: 404 }) }),
      after: [(_, response) => void seen.push(response.status, response.text())],
    });
    await expect(client({}, background)).rejects.toMatchObject({ code: "not_found" });
    expect(seen).toEqual([404, "gone"]);
  });

  it("do not run at all for a context that is over", async () => {
    const said: string[] = [];
    await expect(spoken(undefined, said)({}, background.withTimeout(0))).rejects.toMatchObject({
      code: "deadline_exceeded",
    });
    expect(said).toEqual([]);
  });

  it("share one set of fixed headers, which no call changes", async () => {
    const seen: (string | null)[] = [];
    const headers = { "x-app": "mine" };
    const fetch = async (request: Request): Promise<Response> => {
      seen.push(request.headers.get("x-app"), request.headers.get("x-call"));
      return new Response();
    };
    let n = 0;
    const sender = fetchSender({ origin: "http://test", fetch });
    const before = [(_: Context, message: any) => void (++n === 1 && setRequestHeader("X-Call", "1")(_, message))];
    const client = httpClient({ url: "http://test", headers, sender, before });
    await client({}, background);
    await client({}, background);
    expect(seen).toEqual(["mine", "1", "mine", null]);
    expect(headers).toEqual({ "x-app": "mine" });
  });
});
