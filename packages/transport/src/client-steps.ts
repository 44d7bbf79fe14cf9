import type { Context } from "@kit/endpoint";

/** How a call went, for finalizers. */
export interface ClientOutcome<Message, Reply> {
  readonly message: Message;
  /** Missing when none came. */
  readonly reply: Reply | undefined;
  readonly error: unknown;
}

/** What go-kit calls ClientOptions, by its names. They run in this order: encode, before, the call, after, decode; finalizer always. */
export interface ClientHooks<Message, Reply> {
  /** Run in turn when the request is encoded; they may write headers, and return another context. @see go-kit ClientBefore */
  readonly before?: readonly ((ctx: Context, message: Message) => Context | void)[];
  /** Run in turn on the reply before it is decoded, whatever it says. @see go-kit ClientAfter */
  readonly after?: readonly ((ctx: Context, reply: Reply) => Context | void)[];
  /** Run in turn at the end, also of a call that failed. @see go-kit ClientFinalizer */
  readonly finalizer?: readonly ((ctx: Context, outcome: ClientOutcome<Message, Reply>) => void)[];
}

/** One operation between the messages. */
export interface ClientOperation<Message, Reply, Request = any, Response = any> {
  /** An empty message to that operation. */
  readonly newMessage: () => Message;
  readonly encode: (request: Request, message: Message, ctx: Context) => void | Promise<void>;
  readonly decode: (reply: Reply, ctx: Context) => Response | Promise<Response>;
}

/** Takes one request through one operation. */
export type ClientSteps<Message, Reply> = (
  operation: ClientOperation<Message, Reply>,
  request: unknown,
  ctx: Context,
) => Promise<any>;

/**
 * The steps of a call in a client, the same on every wire. Nothing is sent for a context that is over.
 *
 * @param send - writes the envelope into the message and takes it to the peer and back.
 */
export function clientSteps<Message, Reply>(
  hooks: ClientHooks<Message, Reply>,
  send: (message: Message, ctx: Context) => Promise<Reply>,
): ClientSteps<Message, Reply> {
  const { before = [], after = [], finalizer = [] } = hooks;
  return async ({ newMessage, encode, decode }, request, callerCtx) => {
    let ctx = callerCtx;
    if (ctx.cancelled !== undefined) throw ctx.cancelled;
    const message = newMessage();
    let reply: Reply | undefined;
    let error: unknown;
    try {
      const encoding = encode(request, message, ctx);
      if (encoding !== undefined) await encoding;
      for (const hook of before) ctx = hook(ctx, message) ?? ctx;
      reply = await send(message, ctx);
      for (const hook of after) ctx = hook(ctx, reply) ?? ctx;
      return await decode(reply, ctx);
    } catch (cause) {
      error = cause;
      throw cause;
    } finally {
      for (const hook of finalizer) hook(ctx, { message, reply, error });
    }
  };
}
