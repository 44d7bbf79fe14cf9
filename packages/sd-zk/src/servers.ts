import { optionError, requireText } from "@kit/sd";
import { requirePath } from "./node-path.ts";

/** One server of an ensemble. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** An ensemble, and the node below which a client lives there; empty is the root. */
export interface Ensemble {
  readonly servers: readonly ServerAddress[];
  readonly chroot: string;
}

/** @throws {TypeError} unless it is what ZooKeeper calls a connect string. */
export function parseServers(text: string): Ensemble {
  requireText("zkClient: servers", text);
  const slash = text.indexOf("/");
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 || slash === text.length - 1 ? "" : requirePath("zkClient: servers", text.slice(slash));
  const servers = hosts.split(",").map((part) => {
    const [, v6, name, port = "2181"] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(part.trim()) ?? [];
    const host = v6 ?? name;
    if (host === undefined || Number(port) > 65_535) {
      throw optionError("zkClient: servers", "hosts with ports, such as a:2181,b:2181/chroot", text);
    }
    return { host, port: Number(port) };
  });
  return { servers, chroot };
}
