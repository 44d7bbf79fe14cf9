import { request } from "node:http";
import type { ServerKind } from "./server-kind.ts";

/** A server of one node that keeps its state over a kill; it serves 1 to 2 s after its start. */
export const consul: ServerKind = {
  name: "consul",
  install: "bash packages/servers/bin/install.sh",
  needs: ["consul"],
  ports: 5,
  command({ directory, ports: [http, dns, server, lan, wan] }) {
    const args = {
      "data-dir": directory,
      bind: "127.0.0.1",
      client: "127.0.0.1",
      node: "one",
      "http-port": http,
      "dns-port": dns,
      "server-port": server,
      "serf-lan-port": lan,
      "serf-wan-port": wan,
      "grpc-port": -1,
      "grpc-tls-port": -1,
      "log-level": "warn",
      hcl: "performance { raft_multiplier = 1 } disable_update_check = true leave_on_terminate = false",
    };
    return {
      file: "consul",
      args: [
        "agent",
        "-server",
        "-bootstrap-expect=1",
        "-disable-host-node-id",
        ...Object.entries(args).flatMap(([name, value]) => [`-${name}`, String(value)]),
      ],
    };
  },
  // It elects a leader some time before that leader takes writes.
  probe: (url) =>
    new Promise((resolve, reject) => {
      const write = request(`${url}/v1/kv/ready`, { method: "PUT", agent: false, timeout: 1_000 }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode === 200));
      });
      write.on("timeout", () => write.destroy(new Error("consul does not answer")));
      write.on("error", reject).end("1");
    }),
};
