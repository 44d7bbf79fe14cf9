import { connect } from "node:net";
import type { ServerKind } from "./server-kind.ts";

/** A server that keeps nothing on disk: after a restart it is empty. */
export const redis: ServerKind = {
  name: "redis",
  install: "apt-get install -y --no-install-recommends redis-server",
  needs: ["redis-server"],
  scheme: "redis://",
  command: ({ port, directory }) => ({
    file: "redis-server",
    args: ["--bind", "127.0.0.1", "--port", String(port), "--dir", directory, "--save", "", "--appendonly", "no"],
  }),
  probe: (url) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname).setTimeout(1_000);
      socket.write("PING\r\n");
      socket.once("data", (answer) => {
        socket.destroy();
        resolve(answer.toString("latin1") === "+PONG\r\n");
      });
      socket.on("timeout", () => socket.destroy(new Error("redis does not answer")));
      socket.on("error", reject).on("close", () => reject(new Error("redis does not answer")));
    }),
};
