import { connect } from "node:net";
import { connect as connectTls, type ConnectionOptions, createSecureContext, type SecureContext } from "node:tls";
import type { Link } from "./link.ts";
import { isInteger, wrongOption } from "./option.ts";
import { streamLink } from "./stream-link.ts";
import { udpLink } from "./udp-link.ts";
import { type UnixDgramSocket, unixDgramLink } from "./unix-dgram-link.ts";

export interface LinkOptions {
  /**
   * The way. `"unix"` is a stream socket, `"unix-dgram"` what `/dev/log` mostly is, for which Node has no means: see `unixDgram`.
   * @default "udp", which most daemons expect
   */
  readonly protocol?: "udp" | "tcp" | "tls" | "unix" | "unix-dgram";
  /** A name is looked up for each connection. @default "127.0.0.1" */
  readonly host?: string;
  /** Required for `"udp"`, `"tcp"` and `"tls"`. */
  readonly port?: number;
  /** Of the unix socket. Required for `"unix"` and `"unix-dgram"`. */
  readonly path?: string;
  /** Of the TLS connection: `ca`, `cert`, `key`, `servername` and the rest that `tls.connect` takes. @default none: Node's own CAs, and no certificate */
  readonly tls?: ConnectionOptions;
  /** Makes the socket for `"unix-dgram"`: `() => new DgramSocket()` of node-unix-socket. What it makes is closed here. */
  readonly unixDgram?: () => UnixDgramSocket;
}

/**
 * Says how lines get to a daemon; nothing is opened yet.
 *
 * @param name put before the messages of the errors
 * @throws {TypeError} when an option is wrong.
 */
export function linkTo(name: string, options: LinkOptions): Link {
  const { protocol = "udp", host = "127.0.0.1", port, path, tls, unixDgram } = options;
  const byPath = protocol === "unix" || protocol === "unix-dgram";
  if (typeof host !== "string" || host === "") throw wrongOption(name, "host", "a string that is not empty", host);
  if ((!byPath || port !== undefined) && !isInteger(port, 1, 65_535)) {
    throw wrongOption(name, "port", "an integer from 1 to 65535", port);
  }
  if ((byPath || path !== undefined) && (typeof path !== "string" || path === "")) {
    throw wrongOption(name, "path", "a string that is not empty", path);
  }
  const tcp = { host, port: port!, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
  switch (protocol) {
    case "udp":
      return udpLink(host, port!);
    case "tcp":
      return streamLink(`tcp ${host}:${port}`, () => connect(tcp), "connect");
    case "tls": {
      const secure = { ...tls, ...tcp, secureContext: secureContext(name, tls) };
      return streamLink(`tls ${host}:${port}`, () => connectTls(secure), "secureConnect");
    }
    case "unix":
      return streamLink(`unix ${path}`, () => connect({ path: path! }), "connect");
    case "unix-dgram":
      if (typeof unixDgram !== "function") {
        throw wrongOption(name, "unixDgram", "a function for this protocol", typeof unixDgram);
      }
      return unixDgramLink(path!, unixDgram);
    default:
      throw wrongOption(name, "protocol", "udp, tcp, tls, unix or unix-dgram", protocol);
  }
}

/** Made now, so that a certificate or a key that cannot be read shows here and not with the first line. */
function secureContext(name: string, tls: ConnectionOptions | undefined): SecureContext {
  try {
    return tls?.secureContext ?? createSecureContext(tls);
  } catch (error) {
    throw wrongOption(name, "tls", "what tls.connect takes", (error as Error).message);
  }
}
