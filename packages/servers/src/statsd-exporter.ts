import { answersWith } from "./answers-with.ts";
import type { ServerKind } from "./server-kind.ts";

/**
 * The Prometheus project's daemon for statsd, which reads tags as DogStatsD and as InfluxDB have them. Lines come in over UDP and TCP on its
 * first port; what it has made of them stands below `/metrics` on its second.
 */
export const statsdExporter: ServerKind = {
  name: "statsdexporter",
  install: "bash packages/servers/bin/install.sh",
  needs: ["statsd_exporter"],
  ports: 2,
  scheme: "statsd://",
  command: ({ ports: [lines, web] }) => ({
    file: "statsd_exporter",
    args: [
      `--statsd.listen-udp=127.0.0.1:${lines}`,
      `--statsd.listen-tcp=127.0.0.1:${lines}`,
      `--web.listen-address=127.0.0.1:${web}`,
      "--statsd.cache-size=0",
      "--statsd.event-flush-interval=5ms",
    ],
  }),
  probe: (_, { ports }) => answersWith(`http://127.0.0.1:${ports[1]}/metrics`, "statsd_exporter_"),
};
