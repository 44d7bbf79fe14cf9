import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { answersWith } from "./answers-with.ts";
import type { ServerKind } from "./server-kind.ts";

const require = createRequire(import.meta.url);
const program = join(dirname(require.resolve("statsd/package.json")), "stats.js");

/** A backend of the daemon's: adds up what it is handed at each flush, and tells it to whoever asks. */
const backend = `
const seen = { counters: {}, gauges: {}, timers: {}, counts: {} };
exports.init = (_, config, events) => {
  events.on("flush", (_, { counters, gauges, timers, timer_counters }) => {
    for (const [key, sum] of Object.entries(counters)) seen.counters[key] = (seen.counters[key] ?? 0) + sum;
    for (const [key, count] of Object.entries(timer_counters)) seen.counts[key] = (seen.counts[key] ?? 0) + count;
    for (const [key, values] of Object.entries(timers)) (seen.timers[key] ??= []).push(...values);
    Object.assign(seen.gauges, gauges);
  });
  require("node:http").createServer((_, response) => response.end(JSON.stringify(seen))).listen(config.seenPort, "127.0.0.1");
  return true;
};
`;

/**
 * Etsy's daemon, with UDP and TCP on its first port. What it has made of all it was sent stands on its third, over HTTP, as
 * `{ counters, gauges, timers, counts }`; lines that it could not read are its own counter `statsd.bad_lines_seen`.
 */
export const statsd: ServerKind = {
  name: "statsd",
  install: "pnpm install",
  needs: [program],
  ports: 3,
  scheme: "statsd://",
  async prepare({ directory, ports: [port, mgmt_port, seenPort] }) {
    const address = "127.0.0.1";
    const servers = ["udp", "tcp"].map((protocol) => ({ server: `./servers/${protocol}`, address, port }));
    const backends = [join(directory, "backend.js")];
    const config = { servers, mgmt_address: address, mgmt_port, seenPort, flushInterval: 20, backends };
    await writeFile(backends[0]!, backend);
    // It is read as JavaScript.
    await writeFile(join(directory, "config.js"), JSON.stringify(config));
  },
  command: () => ({ file: process.execPath, args: [program, "config.js"] }),
  probe: (_, { ports }) => answersWith(`http://127.0.0.1:${ports[2]}`, "counters"),
};
