import { connect } from "node:net";
import type { ServerKind } from "./server-kind.ts";

/** A server of one node, without JetStream; it takes messages of up to 1 MiB, its default. */
export const nats: ServerKind = {
  name: "nats",
  install: "apt-get install -y --no-install-recommends nats-server",
  needs: ["nats-server"],
  scheme: "nats://",
  command: ({ port }) => ({ file: "nats-server", args: ["--addr", "127.0.0.1", "--port", String(port)] }),
  // It greets whoever connects, which the kernel does not do for one that is stopped.
  probe: (url) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname).setTimeout(1_000);
      socket.once("data", (greeting) => {
        socket.destroy();
        resolve(greeting.toString("latin1").startsWith("INFO "));
      });
      socket.on("timeout", () => socket.destroy(new Error("nats does not answer")));
      socket.on("error", reject).on("close", () => reject(new Error("nats does not answer")));
    }),
};
