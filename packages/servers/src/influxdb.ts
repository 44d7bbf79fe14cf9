import { writeFile } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import type { ServerKind } from "./server-kind.ts";

/** A server of one node, without databases of its own but for `udp`, whose lines come in over UDP on its third port. */
export const influxdb: ServerKind = {
  name: "influxdb",
  install: "apt-get install -y --no-install-recommends influxdb",
  needs: ["influxd"],
  ports: 3,
  async prepare({ directory, ports: [http, rpc, udp] }) {
    const config = [
      "reporting-disabled = true",
      `bind-address = "127.0.0.1:${rpc}"`,
      `[meta]\ndir = "${join(directory, "meta")}"`,
      `[data]\ndir = "${join(directory, "data")}"\nwal-dir = "${join(directory, "wal")}"`,
      `[http]\nbind-address = "127.0.0.1:${http}"\nlog-enabled = false`,
      "[monitor]\nstore-enabled = false",
      `[[udp]]\nenabled = true\nbind-address = "127.0.0.1:${udp}"\ndatabase = "udp"\nbatch-size = 5000\nbatch-timeout = "10ms"`,
    ];
    await writeFile(join(directory, "influxdb.conf"), `${config.join("\n")}\n`);
  },
  command: ({ directory }) => ({
    file: "influxd",
    args: ["run", "-config", join(directory, "influxdb.conf")],
    env: { HOME: directory },
  }),
  probe: (url) =>
    new Promise((resolve, reject) => {
      const request = get(`${url}/ping`, { agent: false, timeout: 1_000 }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode === 204));
      });
      request.on("timeout", () => request.destroy(new Error("influxdb does not answer"))).on("error", reject);
    }),
};
