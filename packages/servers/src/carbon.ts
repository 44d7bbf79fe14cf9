import { mkdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { ServerKind } from "./server-kind.ts";

/** What its own library would ask as `pickle.dumps({"type": "cache-query", "metric": "ready"}, 0)`. */
const question = "(dp0\nVtype\np1\nVcache-query\np2\nsVmetric\np3\nVready\np4\ns.";

/**
 * Graphite's store, of one second for a day, with lines over TCP and UDP on its first port. Values keep in its cache, which answers on its second
 * port, until they are an hour old; older ones it writes at once, below `storage/whisper` in its folder.
 */
export const carbon: ServerKind = {
  name: "carbon",
  install: "apt-get install -y --no-install-recommends graphite-carbon",
  needs: ["carbon-cache"],
  ports: 3,
  scheme: "tcp://",
  async prepare({ directory, ports: [lines, query, pickle] }) {
    const storage = join(directory, "storage");
    await mkdir(storage, { recursive: true });
    // One that was killed leaves it, and the next would believe that it runs.
    await rm(join(storage, "carbon-cache-a.pid"), { force: true });
    const config = {
      STORAGE_DIR: storage,
      CONF_DIR: directory,
      LOG_DIR: storage,
      PID_DIR: storage,
      USER: "",
      LOCAL_DATA_DIR: join(storage, "whisper"),
      LINE_RECEIVER_INTERFACE: "127.0.0.1",
      LINE_RECEIVER_PORT: lines,
      ENABLE_UDP_LISTENER: "True",
      UDP_RECEIVER_INTERFACE: "127.0.0.1",
      UDP_RECEIVER_PORT: lines,
      CACHE_QUERY_INTERFACE: "127.0.0.1",
      CACHE_QUERY_PORT: query,
      PICKLE_RECEIVER_INTERFACE: "127.0.0.1",
      PICKLE_RECEIVER_PORT: pickle,
      MAX_UPDATES_PER_SECOND: "inf",
      MAX_CREATES_PER_MINUTE: "inf",
      WHISPER_AUTOFLUSH: "True",
      CACHE_WRITE_STRATEGY: "timesorted",
      MIN_TIMESTAMP_LAG: 3600,
      CARBON_METRIC_INTERVAL: 0,
      ENABLE_TAGS: "False",
    };
    const settings = Object.entries(config).map(([name, value]) => `${name} = ${value}`);
    await writeFile(join(directory, "carbon.conf"), ["[cache]", ...settings, ""].join("\n"));
    await writeFile(join(directory, "storage-schemas.conf"), "[all]\npattern = .*\nretentions = 1s:1d\n");
  },
  command: ({ directory }) => ({
    file: "carbon-cache",
    args: [`--config=${join(directory, "carbon.conf")}`, "--instance=a", "--nodaemon", "start"],
    env: { GRAPHITE_ROOT: directory, GRAPHITE_CONF_DIR: directory, GRAPHITE_STORAGE_DIR: join(directory, "storage") },
  }),
  probe: (_, { ports }) =>
    new Promise((resolve, reject) => {
      const socket = connect(ports[1]!, "127.0.0.1").setTimeout(1_000);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(question.length);
      socket.end(Buffer.concat([length, Buffer.from(question)]));
      socket.once("data", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("timeout", () => socket.destroy(new Error("carbon does not answer")));
      socket.on("error", reject).on("close", () => reject(new Error("carbon does not answer")));
    }),
};
