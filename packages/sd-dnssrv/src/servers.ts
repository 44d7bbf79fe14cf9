import { isIP } from "node:net";
import { optionError } from "@kit/sd";

/** Where a server is asked. */
export interface Place {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads addresses in the form in which `dns.getServers()` gives them.
 *
 * @throws {TypeError} when there is none, or one is no IP address, with or without a port.
 */
export function parseServers(option: string, servers: readonly string[]): readonly Place[] {
  if (!Array.isArray(servers) || servers.length === 0) {
    throw optionError(option, "an array of at least one address", servers);
  }
  return servers.map((server: unknown, at) => {
    const place = typeof server === "string" ? parseServer(server) : undefined;
    if (place !== undefined) return place;
    const rule = "an IP address, which may have a port, such as 10.0.0.10, 10.0.0.10:5353 or [::1]:5353";
    throw optionError(`${option}[${at}]`, rule, server);
  });
}

function parseServer(server: string): Place | undefined {
  if (isIP(server) !== 0) return { host: server, port: 53 };
  const [, six, four, portText = "53"] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(server) ?? [];
  const [host, port] = [six ?? four ?? "", Number(portText)];
  const isAddress = isIP(host) === (six === undefined ? 4 : 6);
  return isAddress && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
