import { type ChannelCredentials, type ChannelOptions, Client } from "@grpc/grpc-js";
import { type KitError, refusal } from "@kit/endpoint";
import { limit } from "@kit/transport";
import { defaultMaxBytes } from "./limits.ts";

/** How a client gets to its server. */
export interface GrpcConnectionOptions {
  /** A client of grpc-js's, or of any code generated for it, to share its connection; yours, so yours to close. */
  readonly client?: Client;
  /** Where the service is: `host:port`, `unix:/path`, or any name that grpc-js resolves. Required without `client`. */
  readonly address?: string;
  /** `credentials.createInsecure()`, or `createSsl` with the certificates of TLS and mTLS. Required with `address`, since it is to be a choice. */
  readonly credentials?: ChannelCredentials;
  /** What else grpc-js takes, such as `grpc.keepalive_time_ms`. @default a pause of at most 10 s between attempts to connect, where grpc-js waits up to 120 */
  readonly channel?: ChannelOptions;
  /** The longest message either way, in bytes; a `client` of yours has its own bound for replies besides. @default 4_194_304, gRPC's own */
  readonly maxBytes?: number;
  /** The most metadata of a reply, in bytes. @default 16_384, twice what most servers allow a request */
  readonly maxMetadataBytes?: number;
}

const closed = refusal("unavailable", "the client is closed", { notSent: true });
const closing = refusal("unavailable", "the client was closed during the call");

/** One connection, made by grpc-js when first used, and the calls on it. */
export class Connection {
  readonly client: Client;
  readonly maxBytes: number;
  readonly #owned: boolean;
  readonly #inHand = new Set<(cause: KitError) => void>();
  #open = true;

  /** @throws {TypeError} naming the option that is missing or cannot be. */
  constructor(where: string, options: GrpcConnectionOptions) {
    const { client, address, credentials, channel } = options;
    this.maxBytes = limit("maxBytes", options.maxBytes, defaultMaxBytes);
    const maxMetadataBytes = limit("maxMetadataBytes", options.maxMetadataBytes, 16_384);
    this.#owned = client === undefined;
    if (client !== undefined) {
      this.client = client;
      return;
    }
    if (typeof address !== "string" || address === "")
      throw new TypeError(`${where}: address must be like "host:port", got "${address}"`);
    if (credentials === undefined) throw new TypeError(`${where}: credentials must be given`);
    this.client = new Client(address, credentials, {
      // One of its own, so that it closes when the client does.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_reconnect_backoff_ms": 10_000,
      "grpc.max_receive_message_length": this.maxBytes,
      "grpc.max_metadata_size": maxMetadataBytes,
      ...channel,
    });
  }

  /**
   * A call begins.
   *
   * @param cut - called when the connection is closed.
   * @returns call it when the call has ended.
   */
  begin(cut: (cause: KitError) => void): () => void {
    if (!this.#open) throw closed;
    this.#inHand.add(cut);
    return () => this.#inHand.delete(cut);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const cut of this.#inHand) cut(closing);
    if (this.#owned) this.client.close();
  }
}
