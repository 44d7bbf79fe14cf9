import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { ServerKind } from "./server-kind.ts";

const jars = ["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-simple.jar"];

/** One standalone server that lets sessions be as short as a second. */
export const zookeeper: ServerKind = {
  name: "zookeeper",
  install: "apt-get install -y --no-install-recommends zookeeper",
  needs: ["java", ...jars],
  scheme: "",
  async prepare({ directory, port }) {
    const settings = {
      dataDir: directory,
      clientPort: port,
      clientPortAddress: "127.0.0.1",
      // It looks for expired sessions once a tick.
      tickTime: 250,
      minSessionTimeout: 1_000,
      maxSessionTimeout: 600_000,
      maxClientCnxns: 0,
      forceSync: "no",
      "admin.enableServer": false,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(join(directory, "zoo.cfg"), lines.join(""));
  },
  command({ directory }) {
    return {
      file: "java",
      args: [
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xms32m",
        "-Xmx128m",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        jars.join(":"),
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        join(directory, "zoo.cfg"),
      ],
    };
  },
  probe: (_, { port }) =>
    new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(port, "127.0.0.1", () => socket.write("srvr"));
      socket.setTimeout(1_000, () => socket.destroy(new Error("zookeeper does not answer")));
      socket.setEncoding("utf8").on("data", (part: string) => (text += part));
      socket.on("error", reject).on("close", () => resolve(text.includes("Mode: ")));
    }),
};
