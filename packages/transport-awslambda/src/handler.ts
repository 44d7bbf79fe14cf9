import { type CallInfo, callInfo, type Context, type Endpoint, extract, toWire } from "@kit/endpoint";
import { IncomingCalls, limit, parseTimeout, type ServerHooks, serverSteps } from "@kit/transport";
import { Invocation, timeoutHeader } from "./invocation.ts";
import type { LambdaFunction } from "./lambda-context.ts";

/** What an invocation is answered with: a result, or a failure. */
export interface LambdaReply {
  result: unknown;
  /** Makes the invocation fail. Lambda shows its name and message to the caller, and tries an asynchronous invocation again. */
  failure: Error | undefined;
}

export interface LambdaServerOptions<Event = any> extends ServerHooks<Invocation<Event>, LambdaReply> {
  /** The longest that a call may take, in ms, whatever its caller wants. @default 900_000 — the longest that Lambda lets a function run */
  readonly maxTimeoutMs?: number;
  /** How long before Lambda ends the function a call must be over, in ms, so that there is time for its answer. @default 100 */
  readonly marginMs?: number;
}

/** One endpoint as a function of Lambda's, each step in your hands. */
export interface LambdaHandlerOptions<Event, Request, Response> extends LambdaServerOptions<Event> {
  /** @default the event as it is. Throw a `KitError` to refuse it. */
  readonly decode?: (invocation: Invocation<Event>, ctx: Context) => Request | Promise<Request>;
  /** @default the response as the result */
  readonly encode?: (response: Response, reply: LambdaReply, ctx: Context) => void | Promise<void>;
  /** What `callInfo` names the call for logs and metrics. @default `""` and the function's name */
  readonly service?: string;
  readonly method?: string;
}

/**
 * Serves one endpoint by plain invocations. An error makes the invocation fail, as in go-kit: with its code as the error's type, and nothing of an error that is no
 * `KitError`. An `errorEncoder` may make an answer of it, in API Gateway's form for instance.
 *
 * @throws {TypeError} for a limit that is not a positive number.
 * @see go-kit transport/awslambda/handler.go
 */
export function lambdaHandler<Event = any, Request = Event, Response = any>(
  endpoint: Endpoint<Request, Response>,
  options: LambdaHandlerOptions<Event, Request, Response> = {},
): LambdaFunction<Event> {
  const { decode = eventOf, encode = encodeResult, service = "", method } = options;
  const answer = answerer("lambdaHandler", options, encodeFailure);
  return (event, context) => {
    const info = { service, method: method ?? context.functionName, transport: "awslambda" };
    return answer(new Invocation(event, context), { info, endpoint, decode, encode });
  };
}

/** One operation as it is invoked. */
export interface LambdaOperation {
  readonly info: CallInfo;
  readonly endpoint: Endpoint;
  readonly decode: (invocation: Invocation<any>, ctx: Context) => any;
  readonly encode: (response: any, reply: LambdaReply, ctx: Context) => void | Promise<void>;
}

/** The steps that all operations of one function share. */
export function answerer(
  where: string,
  options: LambdaServerOptions,
  encodeError: (error: unknown, reply: LambdaReply) => void,
): (invocation: Invocation, operation: LambdaOperation) => Promise<unknown> {
  const maxTimeoutMs = limit(`${where}: maxTimeoutMs`, options.maxTimeoutMs, 900_000);
  const marginMs = limit(`${where}: marginMs`, options.marginMs, 100);
  const calls = new IncomingCalls();
  const replies = new WeakMap<Invocation, LambdaReply>();
  const infos = new WeakMap<Invocation, CallInfo>();

  const open = (ctx: Context, invocation: Invocation): Context =>
    extract(ctx, (name) => invocation.header(name)).with(callInfo, infos.get(invocation)!);
  const steps = serverSteps<Invocation, LambdaReply>(
    { ...options, before: [open, ...(options.before ?? [])] },
    {
      begin(invocation) {
        const wantedMs = parseTimeout(timeoutHeader, invocation.header(timeoutHeader));
        const leftMs = invocation.context.getRemainingTimeInMillis() - marginMs;
        return calls.begin(Math.min(wantedMs, maxTimeoutMs, leftMs));
      },
      newReply: () => ({ result: undefined, failure: undefined }),
      encodeError,
      send: (reply, invocation) => void replies.set(invocation, reply),
    },
  );

  return async (invocation, operation) => {
    infos.set(invocation, operation.info);
    await steps(invocation, operation);
    const { result, failure } = replies.get(invocation)!;
    if (failure !== undefined) throw failure;
    return result;
  };
}

const eventOf = ({ event }: Invocation<any>): any => event;

function encodeResult(response: unknown, reply: LambdaReply): void {
  reply.result = response;
}

/** The code becomes Lambda's `errorType`; the stack, which Lambda would show as well, says nothing. */
function encodeFailure(error: unknown, reply: LambdaReply): void {
  const { code, message } = toWire(error);
  reply.failure = Object.assign(new Error(message), { name: code, stack: `${code}: ${message}` });
}
