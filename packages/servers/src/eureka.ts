import { join } from "node:path";
import { answersWith } from "./answers-with.ts";
import { ownPrograms } from "./installed.ts";
import type { ServerKind } from "./server-kind.ts";

const jar = join(ownPrograms, "eureka-server.jar");

/**
 * Nothing waits minutes as with its defaults: whoever does not renew is looked for twice a second and dropped however many they are, and what is read is what was
 * written. It has no disk state, so a restart always wipes it.
 */
export const eureka: ServerKind = {
  name: "eureka",
  install: "bash packages/servers/bin/install.sh",
  needs: ["java", jar],
  // It needs 5 s of a core, which may be shared by many.
  startMs: 180_000,
  command({ port }) {
    const settings = {
      "server.address": "127.0.0.1",
      "server.port": port,
      "eureka.client.register-with-eureka": false,
      "eureka.client.fetch-registry": false,
      // Its only peer is itself: the default, port 8761, may be somebody else's.
      "eureka.client.service-url.defaultZone": `http://127.0.0.1:${port}/eureka/`,
      "eureka.instance.hostname": "127.0.0.1",
      "eureka.server.enable-self-preservation": false,
      "eureka.server.eviction-interval-timer-in-ms": 500,
      "eureka.server.use-read-only-response-cache": false,
      // A list that is asked for while it changes may be cached as it was; by default for three minutes.
      "eureka.server.response-cache-auto-expiration-in-seconds": 1,
      "eureka.server.expected-client-renewal-interval-seconds": 1,
      "spring.main.banner-mode": "off",
      "logging.level.root": "warn",
    };
    return {
      file: "java",
      args: [
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xms64m",
        "-Xmx256m",
        "-jar",
        jar,
        ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
      ],
    };
  },
  probe: (url) => answersWith(`${url}/eureka/apps`, "applications"),
};
