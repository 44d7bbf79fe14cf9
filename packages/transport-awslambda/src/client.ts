import { type Context, type Endpoint, fromWire, inject, isKitError, KitError, refusal } from "@kit/endpoint";
import { type ClientOf, clientOf, type Service } from "@kit/service";
import { type ClientHooks, clientSteps, type HeaderWriter, parseJson, PendingCalls, timeoutText } from "@kit/transport";
import { timeoutHeader } from "./invocation.ts";

/** What takes a payload to a function and brings its answer, usually a few lines around AWS's SDK; yours, so yours to configure and to close. */
export type Invoke = (payload: string, ctx: Context) => Promise<LambdaAnswer>;

/** What Lambda answers. */
export interface LambdaAnswer {
  readonly payload: Uint8Array | string;
  /** Lambda's `FunctionError`: the function failed, and the payload says how. */
  readonly functionError?: string | undefined;
}

/** A payload while a client makes it. */
export interface LambdaMessage extends HeaderWriter {
  payload: unknown;
}

export interface LambdaClientCommon extends ClientHooks<LambdaMessage, LambdaAnswer> {
  readonly invoke: Invoke;
}

/** A function elsewhere, each step in your hands. */
export interface LambdaClientOptions<Request, Response> extends LambdaClientCommon {
  /** @default the request as the payload */
  readonly encode?: (request: Request, message: LambdaMessage, ctx: Context) => void | Promise<void>;
  /** @default the payload's JSON; a function that failed is an error of the code that its type names */
  readonly decode?: (answer: LambdaAnswer, ctx: Context) => Response | Promise<Response>;
}

/**
 * An endpoint that is a function of Lambda's. The payload is the user's, so deadline and carried values go along only with {@link connectLambda}.
 *
 * It rejects with the code that a failed function names, `unavailable` when `invoke` rejects with no `KitError`, `internal` for an answer that is no JSON, or the context's own cause.
 */
export function lambdaClient<Request = any, Response = any>(
  options: LambdaClientOptions<Request, Response>,
): Endpoint<Request, Response> {
  const { encode = encodePayload, decode = decodeAnswer } = options;
  const invoker = new Invoker(options.invoke);
  const call = clientSteps(options, (message, ctx) => invoker.send(message, ctx));
  const operation = { newMessage, encode, decode };
  return (request, ctx) => call(operation, request, ctx);
}

export interface ConnectLambdaOptions extends LambdaClientCommon {}

/**
 * A client of a whole service that `serveLambda` serves, by plain invocations.
 *
 * Calls reject as those of {@link lambdaClient}, or with the `KitError` that the function answered.
 */
export function connectLambda<S extends Service>(service: S, options: ConnectLambdaOptions): ClientOf<S> {
  const invoker = new Invoker(options.invoke);
  const call = clientSteps<LambdaMessage, LambdaAnswer>(options, (message, ctx) => {
    const timeout = timeoutText(ctx);
    if (timeout !== undefined) message.headers[timeoutHeader] = timeout;
    inject(ctx, (name, value) => {
      message.headers[name] = value;
    });
    message.payload = { ...(message.payload as object), headers: message.headers };
    return invoker.send(message, ctx);
  });
  return clientOf(
    service,
    ({ name }) => {
      const operation = {
        newMessage,
        encode: (request: unknown, message: LambdaMessage): void => {
          message.payload = { method: name, request };
        },
        decode: decodeCall,
      };
      return (request, ctx) => call(operation, request, ctx);
    },
    async () => invoker.close(),
  );
}

const newMessage = (): LambdaMessage => ({ headers: {}, payload: undefined });

function encodePayload(request: unknown, message: LambdaMessage): void {
  message.payload = request;
}

/** @throws {KitError} what a failed function says, see {@link lambdaHandler}, or `internal` for what is no JSON. */
function decodeAnswer({ payload, functionError }: LambdaAnswer): any {
  const value = parse(typeof payload === "string" ? payload : Buffer.from(payload).toString());
  if (functionError === undefined) return value;
  const { errorType, errorMessage } = (value ?? {}) as Record<string, unknown>;
  throw fromWire(
    { code: errorType, message: errorMessage },
    errorType === "Sandbox.Timedout" ? "deadline_exceeded" : "unknown",
  );
}

function decodeCall(answer: LambdaAnswer): unknown {
  const { response, error } = (decodeAnswer(answer) ?? {}) as Record<string, unknown>;
  if (error !== undefined) throw fromWire(error);
  return response;
}

function parse(text: string): unknown {
  if (text === "") return undefined;
  try {
    return parseJson(text);
  } catch (cause) {
    throw new KitError("internal", "lambda: an answer that is not JSON", { cause });
  }
}

/** Invokes, and waits no longer than a call's context or its client lives. */
class Invoker {
  readonly #invoke: Invoke;
  readonly #pending = new PendingCalls<number, LambdaAnswer>(Infinity);
  #calls = 0;
  #isClosed = false;

  constructor(invoke: Invoke) {
    this.#invoke = invoke;
  }

  send({ payload }: LambdaMessage, ctx: Context): Promise<LambdaAnswer> {
    if (this.#isClosed) return Promise.reject(closedError);
    const call = ++this.#calls;
    const invoked = this.#invoke(JSON.stringify(payload ?? null), ctx);
    const waiting = this.#pending.wait(call, ctx);
    invoked.then(
      (answer) => this.#pending.settle(call, answer),
      (error: unknown) => this.#pending.fail(call, isKitError(error) ? error : invokeError(error)),
    );
    return waiting;
  }

  close(): void {
    this.#isClosed = true;
    this.#pending.failAll(endedError);
  }
}

const closedError = refusal("unavailable", "lambda: the client is closed", { notSent: true });
const endedError = refusal("unavailable", "lambda: the client was closed");
const invokeError = (cause: unknown): KitError => new KitError("unavailable", "lambda: not invoked", { cause });
