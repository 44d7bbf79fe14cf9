import { isIPv4 } from "node:net";
import { InetAddress } from "zipkin";

/** As the library's annotations take it. It knows IPv4 alone. */
export interface Address {
  readonly host: InetAddress;
  readonly port: number;
}

/** `10.0.0.7:8080` or `10.0.0.7`, also where IPv6 wraps it; `undefined` for anything else. */
export function addressOf(text: string | undefined): Address | undefined {
  const [, ip = "", port = "0"] = /^(?:\[?::ffff:)?([\d.]+)\]?(?::(\d{1,5}))?$/.exec(text ?? "") ?? [];
  return isIPv4(ip) && Number(port) < 65_536 ? { host: new InetAddress(ip), port: Number(port) } : undefined;
}
