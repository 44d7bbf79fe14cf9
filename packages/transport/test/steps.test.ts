import { background, codeOf, contextKey, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { clientSteps, IncomingCalls, type ServerHooks, serverSteps } from "../src/index.ts";

interface Sent {
  body: string;
}

const trail = contextKey<string>("@kit/transport/test/trail");
const walked = (name: string) => (ctx: Context) => ctx.with(trail, `${ctx.get(trail) ?? ""}${name}`);

/** A wire that is an array. */
function wire(
  hooks: ServerHooks<string, Sent> = {},
  options: { readonly send?: () => void; begin?: () => never } = {},
) {
  const calls = new IncomingCalls();
  const sent: string[] = [];
  const steps = serverSteps<string, Sent>(hooks, {
    begin: options.begin ?? (() => calls.begin(60_000)),
    newReply: () => ({ body: "" }),
    encodeError: (error, reply) => {
      reply.body = `failed: ${codeOf(error)}`;
    },
    send: (reply) => {
      options.send?.();
      sent.push(reply.body);
    },
  });
  const serve = (message: string, endpoint: Endpoint<string, string>): Promise<void> =>
    steps(message, {
      endpoint,
      decode: (text) => text,
      encode: (response, reply) => {
        reply.body = response;
      },
    });
  return { serve, sent, calls };
}

describe("the steps of a server", () => {
  it("TestMultipleSubscriberBefore, …After: run in order, each seeing the context of the one before", async () => {
    const seen: unknown[] = [];
    const { serve, sent, calls } = wire({
      before: [walked("a"), walked("b")],
      after: [walked("d"), (ctx) => void seen.push(ctx.get(trail))],
      finalizer: [(ctx, { message, reply, error }) => void seen.push([ctx?.get(trail), message, reply.body, error])],
    });
    await serve("hello", async (request, ctx) => `${request} ${ctx.get(trail)}`);
    expect(sent).toEqual(["hello ab"]);
    expect(seen).toEqual(["abd", ["abd", "hello", "hello ab", undefined]]);
    expect(calls.size).toBe(0);
  });

  it("tell an error to onError, encode it and skip what comes after", async () => {
    const told: unknown[] = [];
    const after = (): never => {
      throw new Error("ran");
    };
    const { serve, sent, calls } = wire({ after: [after], onError: (error) => void told.push(codeOf(error)) });
    await serve("hello", () => Promise.reject(new KitError("not_found", "nobody")));
    expect([sent, told, calls.size]).toEqual([["failed: not_found"], ["not_found"], 0]);
  });

  it("encode what an endpoint throws before it has a promise", async () => {
    const { serve, sent } = wire();
    await serve("hello", () => {
      throw new KitError("aborted", "at once");
    });
    expect(sent).toEqual(["failed: aborted"]);
  });

  it("answer with the transport's own error when the encoder breaks", async () => {
    const { serve, sent } = wire({
      errorEncoder: () => {
        throw new KitError("internal", "broken");
      },
    });
    await serve("hello", () => Promise.reject(new Error("no")));
    expect(sent).toEqual(["failed: internal"]);
  });

  it("answer a call that cannot begin", async () => {
    const { serve, sent } = wire(
      {},
      {
        begin: () => {
          throw new KitError("invalid_argument", "timeout-ms: not a number");
        },
      },
    );
    await serve("hello", async () => "never");
    expect(sent).toEqual(["failed: invalid_argument"]);
  });

  it("tell of a reply that cannot be sent", async () => {
    const told: unknown[] = [];
    const lost = new Error("connection closed");
    const hooks = {
      onError: (error: unknown) => void told.push(error),
      finalizer: [(_: unknown, { error }: { error: unknown }) => void told.push(error)],
    };
    const { serve, calls } = wire(hooks, {
      send: () => {
        throw lost;
      },
    });
    await serve("hello", async () => "hello");
    expect(told).toEqual([lost, lost]);
    expect(calls.size).toBe(0);
  });

  it("answer when the time is up, whatever the endpoint does", async () => {
    const { serve, sent, calls } = wire();
    const served = serve("hello", () => new Promise(() => {}));
    await Promise.resolve();
    calls.cancelAll(new KitError("deadline_exceeded", "too late"));
    await served;
    expect(sent).toEqual(["failed: deadline_exceeded"]);
  });
});

describe("the steps of a client", () => {
  const operation = {
    newMessage: (): Sent => ({ body: "" }),
    encode: (request: string, message: Sent) => {
      message.body = request;
    },
    decode: (reply: string) => reply,
  };

  it("TestPublisherBefore, …After: run in order, each seeing the context of the one before", async () => {
    const seen: unknown[] = [];
    const call = clientSteps<Sent, string>(
      {
        before: [walked("a"), (_ctx, message) => void (message.body += "!")],
        after: [walked("b")],
        finalizer: [(ctx, { message, reply, error }) => void seen.push([ctx.get(trail), message.body, reply, error])],
      },
      async ({ body }, ctx) => `${body} ${ctx.get(trail)}`,
    );
    expect(await call(operation, "hello", background)).toBe("hello! a");
    expect(seen).toEqual([["ab", "hello!", "hello! a", undefined]]);
  });

  it("reject with what failed, after the finalizers", async () => {
    const seen: unknown[] = [];
    const error = new KitError("unavailable", "away");
    const call = clientSteps<Sent, string>(
      { finalizer: [(_, outcome) => void seen.push(outcome.error, outcome.reply)] },
      () => Promise.reject(error),
    );
    await expect(call(operation, "hello", background)).rejects.toBe(error);
    expect(seen).toEqual([error, undefined]);
  });

  it("send nothing for a context that is over", async () => {
    const call = clientSteps<Sent, string>({}, async () => "sent");
    await expect(call(operation, "hello", background.withDeadline(0))).rejects.toMatchObject({
      code: "deadline_exceeded",
    });
  });
});
