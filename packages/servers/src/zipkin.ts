import { join } from "node:path";
import { answersWith } from "./answers-with.ts";
import { ownPrograms } from "./installed.ts";
import type { ServerKind } from "./server-kind.ts";

const jar = join(ownPrograms, "zipkin-server.jar");

/** Keeps its spans in memory, so a restart always wipes them; it serves 5 s after its start. */
export const zipkin: ServerKind = {
  name: "zipkin",
  install: "bash packages/servers/bin/install.sh",
  needs: ["java", jar],
  // Those 5 s are of a core, which may be shared by many.
  startMs: 180_000,
  command: ({ port }) => ({
    file: "java",
    args: [
      "-XX:TieredStopAtLevel=1",
      "-XX:+UseSerialGC",
      "-Xms64m",
      "-Xmx256m",
      "-jar",
      jar,
      `--server.port=${port}`,
      "--spring.main.banner-mode=off",
      "--logging.level.root=warn",
    ],
  }),
  probe: (url) => answersWith(`${url}/health`, '"UP"'),
};
