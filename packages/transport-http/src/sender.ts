import type { Context } from "@kit/endpoint";
import type { ClientRequest, ClientResponse } from "./client-message.ts";

/** How a client wants its response. */
export interface SendOptions {
  /** The longest body taken into memory, in bytes. */
  readonly maxBytes: number;
  /** Hand the body over as it comes, unbounded, instead. */
  readonly stream: boolean;
}

/**
 * Takes requests to one origin. `undiciSender` is the one for Node, {@link fetchSender} for every other platform.
 *
 * A rejection is a `KitError`: `unavailable` when the peer cannot be reached or the connection broke (`notSent` when the request never left),
 * `resource_exhausted` for a body beyond `maxBytes`, or the context's own cause when that ended first.
 */
export interface HttpSender extends AsyncDisposable {
  send(message: ClientRequest, ctx: Context, options: SendOptions): Promise<ClientResponse>;
  close(): Promise<void>;
}
