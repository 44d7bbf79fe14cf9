import type { Writable } from "node:stream";
import type { CancellableContext, Context } from "@kit/endpoint";
import { until } from "@kit/service";
import type { Connection } from "./connection.ts";
import { writeAll } from "./stream.ts";

/** The life of a streaming call in a client, which outlasts the promise that it was made by: ends once, by whatever comes first. */
export class OutgoingStream {
  /** Ends with the call. */
  readonly scope: CancellableContext;
  readonly #cut: (cause: Error) => void;
  readonly #leave: () => void;
  #over = false;

  /**
   * @param timeoutMs - the longest that the whole of it may take.
   * @param cut - called when it must end before its time: by its context, its request or its connection.
   */
  constructor(connection: Connection, timeoutMs: number | undefined, ctx: Context, cut: (cause: Error) => void) {
    this.#leave = connection.begin((cause) => this.#end(cause));
    this.scope = timeoutMs === undefined ? ctx.withCancel() : ctx.withTimeout(timeoutMs);
    this.#cut = cut;
  }

  /** To be called when it can be cut. */
  begin(): void {
    this.scope.onCancel((cause) => this.#end(cause));
  }

  /** Sends the request's messages as fast as the peer takes them; what is wrong with them ends the call. */
  upload(messages: AsyncIterable<unknown>, stream: Writable): void {
    writeAll(messages, stream, (work) => until(this.scope, work)).then(
      () => stream.end(),
      (cause: Error) => this.#end(cause),
    );
  }

  /** It has come to its end. */
  readonly end = (): void => {
    if (this.#over) return;
    this.#over = true;
    this.#leave();
    this.scope.cancel();
  };

  #end(cause: Error): void {
    if (this.#over) return;
    this.end();
    this.#cut(cause);
  }
}
