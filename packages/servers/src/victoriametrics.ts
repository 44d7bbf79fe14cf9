import { join } from "node:path";
import { answersWith } from "./answers-with.ts";
import type { ServerKind } from "./server-kind.ts";

/** A store that takes what InfluxDB's API of version 2 does, which Debian's InfluxDB has not. `/internal/force_flush` makes it see what it was sent. */
export const victoriametrics: ServerKind = {
  name: "victoriametrics",
  install: "bash packages/servers/bin/install.sh",
  needs: ["victoria-metrics"],
  command: ({ directory, port }) => ({
    file: "victoria-metrics",
    args: [
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${join(directory, "data")}`,
      "-memory.allowedBytes=64MiB",
    ],
  }),
  probe: (url) => answersWith(`${url}/health`, "OK"),
};
