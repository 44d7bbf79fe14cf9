import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns";
import type { Link } from "./link.ts";

export function udpLink(host: string, port: number): Link {
  return {
    name: `udp ${host}:${port}`,
    datagrams: true,
    open({ ready, failed }) {
      let socket: Socket | undefined;
      let over = false;
      const fail = (error: Error): void => {
        if (!over) failed(error);
      };
      lookup(host, (error, address, family) => {
        if (over) return;
        if (error) return fail(error);
        // Connected, for the kernel then says when nobody listens.
        socket = createSocket(family === 6 ? "udp6" : "udp4");
        socket.unref().on("error", fail);
        socket.once("connect", () => {
          if (!over) ready();
        });
        socket.connect(port, address);
      });
      const destroy = (): void => {
        if (over) return;
        over = true;
        socket?.close();
      };
      return {
        write: (bytes, done) => socket!.send(bytes, done),
        end(done) {
          destroy();
          done();
        },
        destroy,
      };
    },
  };
}
