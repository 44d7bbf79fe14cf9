import { codeOf } from "@kit/endpoint";
import { businessError, type CallSpan, retriesOf, textOf } from "@kit/tracing";
import { Annotation, type IAnnotation, type TraceId } from "zipkin";
import { nowMicros } from "./clock.ts";
import { isCall, type Kind, type TracedMethod } from "./traced-method.ts";
import type { FullTracer } from "./tracer.ts";

/** The recorded span of the call in hand. Once that is over, nothing can be added to it. */
export interface Span {
  readonly id: TraceId;
  /** Of two tags with one key the last one stands. */
  tag(key: string, value: string | number | boolean): void;
  /** Notes an event, with the time. */
  annotate(event: string): void;
}

/** What is the same for all calls of one middleware. */
export interface TracedSpanOptions {
  readonly kind: Kind;
  readonly ignoreBusinessErrors: boolean;
}

/**
 * The recorded span of one call. Only when it has ended it is told to the recorder, as a whole: of one that is told in parts the library
 * makes two when it lasts longer than a minute, and the second has no duration.
 */
export class TracedSpan implements CallSpan, Span {
  readonly id: TraceId;
  readonly #tracer: FullTracer;
  readonly #method: TracedMethod;
  readonly #options: TracedSpanOptions;
  readonly #timestamp: number = nowMicros();
  readonly #started: number = performance.now();
  /** Missing once the span has ended. */
  #told: (readonly [annotation: IAnnotation, timestamp: number])[] | undefined = [];

  constructor(tracer: FullTracer, id: TraceId, method: TracedMethod, options: TracedSpanOptions) {
    this.#tracer = tracer;
    this.id = id;
    this.#method = method;
    this.#options = options;
  }

  tag(key: string, value: string | number | boolean): void {
    this.add(new Annotation.BinaryAnnotation(key, String(value)), this.#timestamp);
  }

  annotate(event: string): void {
    this.add(new Annotation.Message(event), this.#now());
  }

  add(annotation: IAnnotation, timestamp: number = this.#timestamp): void {
    this.#told?.push([annotation, timestamp]);
  }

  tellSuccess(failure: unknown): void {
    if (isCall(this.#options.kind)) this.tag("rpc.status_code", "OK");
    if (failure === undefined) return;
    this.tag(businessError, textOf(failure));
    if (!this.#options.ignoreBusinessErrors) this.#markFailed(failure);
  }

  tellFailure(error: unknown): void {
    if (isCall(this.#options.kind)) this.tag("rpc.status_code", codeOf(error).toUpperCase());
    this.#markFailed(error);
    for (const [name, text] of Object.entries(retriesOf(error))) this.tag(name, text);
  }

  finish(): void {
    const now = this.#now();
    const told = this.#told ?? [];
    this.#told = undefined;
    try {
      this.#tracer.letId(this.id, () => {
        for (const annotation of this.#method.begin) this.#tracer.recordAnnotation(annotation, this.#timestamp);
        for (const [annotation, timestamp] of told) this.#tracer.recordAnnotation(annotation, timestamp);
        this.#tracer.recordAnnotation(this.#method.end, now);
      });
    } catch (error) {
      this.report("a span cannot be recorded", error);
    }
  }

  report(what: string, error: unknown): void {
    this.#tracer.log.error(`@kit/tracing-zipkin: ${what}`, error);
  }

  #markFailed(error: unknown): void {
    const code = codeOf(error);
    this.tag("error.type", code);
    this.tag("error", textOf(error) || code);
  }

  #now(): number {
    return this.#timestamp + Math.round((performance.now() - this.#started) * 1000);
  }
}
