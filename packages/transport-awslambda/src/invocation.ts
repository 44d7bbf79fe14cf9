import type { HeaderReader } from "@kit/transport";
import type { LambdaContext } from "./lambda-context.ts";

/** Of the envelope: the milliseconds that the caller leaves. */
export const timeoutHeader = "timeout-ms";

/** One invocation of a function. */
export class Invocation<Event = unknown> implements HeaderReader {
  /** What it was invoked with. */
  readonly event: Event;
  readonly context: LambdaContext;
  #headers: Map<string, string> | undefined = undefined;

  constructor(event: Event, context: LambdaContext) {
    this.event = event;
    this.context = context;
  }

  /** A header by its lower-case name, where the event has any: those of API Gateway have, and so do calls of `lambdaClient`. */
  header(name: string): string | undefined {
    this.#headers ??= headersOf(this.event);
    return this.#headers.get(name);
  }
}

function headersOf(event: unknown): Map<string, string> {
  const { headers } = (event ?? {}) as { readonly headers?: unknown };
  const found = new Map<string, string>();
  if (typeof headers !== "object" || headers === null) return found;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string") found.set(name.toLowerCase(), value);
  }
  return found;
}
