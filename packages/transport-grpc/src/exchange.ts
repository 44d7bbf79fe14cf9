import { type CallInfo, callInfo, type Context, extract, refusal } from "@kit/endpoint";
import { IncomingCalls, type ServerOperation, serverSteps } from "@kit/transport";
import { encodeError } from "./error.ts";
import type { GrpcReply, GrpcRequest, GrpcServerOptions } from "./handler.ts";
import { Incoming } from "./incoming.ts";
import { limitsOf } from "./limits.ts";

const stopped = refusal("unavailable", "the server stops");
const tooMany = refusal("resource_exhausted", "too many calls in hand");

/** One operation, between the messages, and its names. */
interface Exchange extends ServerOperation<GrpcRequest, GrpcReply> {
  /** @default both from the path */
  readonly service: string | undefined;
  readonly method: string | undefined;
}

/** Which call this is; the peer is looked up when somebody asks. */
class GrpcCallInfo implements CallInfo {
  readonly service: string;
  readonly method: string;
  readonly transport = "grpc";
  readonly #request: GrpcRequest;

  constructor(request: GrpcRequest, service: string | undefined, method: string | undefined) {
    const slash = request.path.lastIndexOf("/");
    this.service = service ?? request.path.slice(1, slash);
    this.method = method ?? request.path.slice(slash + 1);
    this.#request = request;
  }

  get peer(): string {
    return this.#request.peer;
  }
}

export interface Exchanger {
  /** Makes what answers the calls of one operation. */
  readonly answering: (exchange: Exchange) => (incoming: Incoming) => Promise<void>;
  /** Takes nothing new, and waits for the calls in hand. */
  readonly drain: (timeoutMs: number) => Promise<boolean>;
}

/** What all methods of one set of options share. */
export function exchanger(options: GrpcServerOptions): Exchanger {
  const { before = [], errorEncoder = encodeError } = options;
  const { maxTimeoutMs, maxStreamMs, maxCalls } = limitsOf(options);
  const calls = new IncomingCalls();
  let open = true;

  const newReply = (): GrpcReply => ({ headers: {}, trailers: {}, body: undefined, status: undefined });

  /** For what goes wrong when the reply is on its way: a stream that fails in the middle, metadata that cannot be. @throws the error, always. */
  async function refuse(incoming: Incoming, error: unknown): Promise<never> {
    try {
      const reply = newReply();
      await errorEncoder(error, reply, incoming.context);
      await incoming.answer(reply);
    } catch (broken) {
      const reply = newReply();
      encodeError(broken, reply);
      await incoming.answer(reply);
    }
    throw error;
  }

  function answering(exchange: Exchange): (incoming: Incoming) => Promise<void> {
    const { service, method } = exchange;
    const envelope = (ctx: Context, incoming: GrpcRequest): Context =>
      extract(ctx, (name) => incoming.header(name)).with(callInfo, new GrpcCallInfo(incoming, service, method));
    const steps = serverSteps<Incoming, GrpcReply>(
      { ...options, before: [envelope, ...before] },
      {
        begin(incoming) {
          if (!open) throw stopped;
          if (calls.size >= maxCalls) throw tooMany;
          const inHand = calls.begin(Math.min(incoming.leftMs, incoming.streams ? maxStreamMs : maxTimeoutMs));
          incoming.begin(inHand);
          return inHand;
        },
        newReply,
        encodeError,
        send(reply, incoming) {
          const failed = (error: unknown): Promise<never> => refuse(incoming, error);
          try {
            return incoming.answer(reply)?.catch(failed);
          } catch (error) {
            return failed(error);
          }
        },
      },
    );
    return (incoming) => steps(incoming, exchange);
  }

  function drain(timeoutMs: number): Promise<boolean> {
    open = false;
    return calls.drain(timeoutMs);
  }

  return { answering, drain };
}
