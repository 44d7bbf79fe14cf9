import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Server } from "./start-server.ts";
import type { Place, ServerKind } from "./server-kind.ts";

/** Debian's own wrappers on the PATH change user and folder and drop the environment. */
const programs = "/usr/lib/rabbitmq/bin";

/**
 * A node of its own, with its own port mapper, which dies with it. It needs 7 to 15 s to start whatever one does, so a test file should share one and
 * restart it once.
 */
export const rabbitmq: ServerKind = {
  name: "rabbitmq",
  install: "apt-get install -y --no-install-recommends rabbitmq-server",
  needs: [join(programs, "rabbitmq-server"), "epmd", "setpriv"],
  ports: 3,
  scheme: "amqp://",
  startMs: 120_000,
  async prepare(place) {
    const { directory, port } = place;
    const config = {
      "listeners.tcp.default": `127.0.0.1:${port}`,
      loopback_users: "none",
      "disk_free_limit.absolute": "50MB",
      "vm_memory_high_watermark.absolute": "512MB",
      "log.console": "true",
      "log.file": "false",
    };
    const lines = Object.entries(config).map(([name, value]) => `${name} = ${value}\n`);
    await mkdir(join(directory, "home"), { recursive: true });
    await writeFile(join(directory, "rabbitmq.conf"), lines.join(""));
    await writeFile(join(directory, "enabled_plugins"), "[].");
  },
  command: (place) => ({
    file: "sh",
    args: [
      "-c",
      // Started by the broker itself, a port mapper would be a daemon that outlives it. Every exec keeps the process, so that a signal hits the broker.
      `setpriv --pdeathsig KILL epmd -port ${place.ports[2]} -address 127.0.0.1 & exec ${programs}/rabbitmq-server`,
    ],
    env: environment(place),
  }),
  // It accepts before it serves, and greets when it does.
  probe: (_url, { port }) =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => socket.write("AMQP\0\0\u0009\u0001"));
      socket.setTimeout(1_000, () => socket.destroy(new Error("rabbitmq does not answer")));
      socket.on("error", reject);
      socket.on("close", () => resolve(false));
      socket.once("data", (greeting) => {
        // A method frame, connection.start.
        resolve(greeting[0] === 1 && greeting.readUInt16BE(7) === 10 && greeting.readUInt16BE(9) === 10);
        socket.destroy();
      });
    }),
};

/** Asks a broker by its own tool, which takes most of a second; returns what that prints, without headings. */
export async function rabbitmqctl({ place }: Server, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ...environment(place) };
  const { stdout } = await promisify(execFile)(join(programs, "rabbitmqctl"), ["-q", "-s", ...args], { env });
  return stdout;
}

function environment({ directory, port, ports: [, distribution, mapper] }: Place): Record<string, string> {
  return {
    HOME: join(directory, "home"),
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `kit${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
    RABBITMQ_LOG_BASE: join(directory, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq.conf"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_GENERATED_CONFIG_DIR: join(directory, "gen"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
    RABBITMQ_PID_FILE: join(directory, "pid"),
    // Without it the script waits for the broker instead of becoming it, and a kill would hit the script alone.
    RABBITMQ_ALLOW_INPUT: "1",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -noinput -kernel inet_dist_use_interface {127,0,0,1}",
  };
}
