import type { Context, Endpoint } from "@kit/endpoint";
import type { IncomingCall } from "./incoming-calls.ts";

/** How a call went, for finalizers. */
export interface ServerOutcome<Message, Reply> {
  readonly message: Message;
  readonly reply: Reply;
  readonly error: unknown;
}

/** What go-kit calls ServerOptions, by its names. They run in this order: before, decode, the endpoint, after, encode; finalizer always. */
export interface ServerHooks<Message, Reply> {
  /** Run in turn before decoding; each may return another context. @see go-kit ServerBefore */
  readonly before?: readonly ((ctx: Context, message: Message) => Context | void)[];
  /** Run in turn after the endpoint has succeeded and before encoding; they may write headers. @see go-kit ServerAfter */
  readonly after?: readonly ((ctx: Context, reply: Reply) => Context | void)[];
  /** Turns an error of any step into the reply. @default the error's code, message and details, as the transport says them */
  readonly errorEncoder?: (error: unknown, reply: Reply, ctx: Context | undefined) => void | Promise<void>;
  /** Hears of each error of any step before it is encoded: the place for logs. It changes nothing. @default nobody hears. @see go-kit ServerErrorHandler */
  readonly onError?: (error: unknown, ctx: Context | undefined) => void;
  /** Run in turn when the reply is out, or could not be sent. @see go-kit ServerFinalizer */
  readonly finalizer?: readonly ((ctx: Context | undefined, outcome: ServerOutcome<Message, Reply>) => void)[];
}

/** One operation between the messages. */
export interface ServerOperation<Message, Reply, Request = any, Response = any> {
  readonly endpoint: Endpoint<Request, Response>;
  readonly decode: (message: Message, ctx: Context) => Request | Promise<Request>;
  readonly encode: (response: Response, reply: Reply, ctx: Context) => void | Promise<void>;
}

/** What a transport does around the steps. */
export interface ServerWire<Message, Reply> {
  /** Begins the call; what it throws is the caller's error. */
  readonly begin: (message: Message) => IncomingCall;
  /** An empty reply; after a failed step the error is encoded into a new one. */
  readonly newReply: (message: Message) => Reply;
  /** Used where the hooks have no `errorEncoder`, and where theirs throws. It must not fail. */
  readonly encodeError: (error: unknown, reply: Reply) => void;
  /** Puts the reply on the wire. */
  readonly send: (reply: Reply, message: Message, error: unknown) => void | Promise<void>;
}

/** Takes one message through one operation; resolves when all is done for it, and rejects only if a finalizer throws. */
export type ServerSteps<Message, Reply> = (
  message: Message,
  operation: ServerOperation<Message, Reply>,
) => Promise<void>;

/** The steps of a call on a server, the same on every wire. */
export function serverSteps<Message, Reply>(
  hooks: ServerHooks<Message, Reply>,
  { begin, newReply, encodeError, send }: ServerWire<Message, Reply>,
): ServerSteps<Message, Reply> {
  const { before = [], after = [], errorEncoder = encodeError, onError, finalizer = [] } = hooks;

  const failed = async (error: unknown, message: Message, ctx: Context | undefined): Promise<Reply> => {
    const reply = newReply(message);
    try {
      onError?.(error, ctx);
      await errorEncoder(error, reply, ctx);
      return reply;
    } catch (broken) {
      const plain = newReply(message);
      encodeError(broken, plain);
      return plain;
    }
  };

  return async (message, { endpoint, decode, encode }) => {
    let call: IncomingCall | undefined;
    let ctx: Context | undefined;
    let error: unknown;
    let reply = newReply(message);
    try {
      call = begin(message);
      ctx = call.context;
      for (const hook of before) ctx = hook(ctx, message) ?? ctx;
      const decoding = decode(message, ctx);
      // Most steps are done at once, and even an await of nothing costs a turn of the queue.
      const request = decoding instanceof Promise ? await decoding : decoding;
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      const response = await call.until(endpoint(request, ctx));
      for (const hook of after) ctx = hook(ctx, reply) ?? ctx;
      const encoding = encode(response, reply, ctx);
      if (encoding !== undefined) await encoding;
    } catch (cause) {
      error = cause;
      reply = await failed(cause, message, ctx);
    }
    try {
      const sending = send(reply, message, error);
      if (sending !== undefined) await sending;
    } catch (cause) {
      error ??= cause;
      onError?.(cause, ctx);
    } finally {
      call?.end();
      for (const hook of finalizer) hook(ctx, { message, reply, error });
    }
  };
}
