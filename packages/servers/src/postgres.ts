import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chown, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { ServerKind } from "./server-kind.ts";

/** Debian keeps one folder a version, off everybody's PATH. */
const versions = "/usr/lib/postgresql";
const newest = existsSync(versions) ? readdirSync(versions).toSorted((a, b) => Number(b) - Number(a))[0] : undefined;
const programs = join(versions, newest ?? "15", "bin");

const isRoot = process.getuid?.() === 0;

/** As root it will not run, so it becomes the user that Debian's package has made. */
const asPostgres = (...command: readonly string[]): string[] =>
  isRoot
    ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL", ...command]
    : [...command];

/**
 * A cluster of its own that asks for no password and does not wait for the disk. SIGSTOP stops its postmaster, which lets nobody new in; a connection that
 * is in has a process of its own, which goes on.
 */
export const postgres: ServerKind = {
  name: "postgres",
  install: "apt-get install -y --no-install-recommends postgresql",
  needs: [join(programs, "initdb"), join(programs, "postgres"), "setpriv"],
  scheme: "postgres://postgres@",
  async prepare({ directory }) {
    const data = join(directory, "data");
    if (existsSync(data)) return oldOneGone(join(data, "postmaster.pid"));
    if (isRoot) await chown(directory, await idOf("-u"), await idOf("-g"));
    const options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
    const [file, ...args] = asPostgres(join(programs, "initdb"), "--pgdata", data, ...options);
    await promisify(execFile)(file!, args, { cwd: directory });
  },
  command({ directory, port }) {
    const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: "", fsync: "off" };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const [file, ...args] = asPostgres(join(programs, "postgres"), "-D", join(directory, "data"), "-p", `${port}`);
    return { file: file!, args: [...args, ...options] };
  },
  // It accepts before it serves, and says then that it is starting up.
  probe: (_url, { port }) =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        const hello = Buffer.from("\0\0\0\0\0\u0003\0\0user\0postgres\0\0", "latin1");
        hello.writeInt32BE(hello.length);
        socket.write(hello);
      });
      socket.setTimeout(1_000, () => socket.destroy(new Error("postgres does not answer")));
      socket.on("error", reject).on("close", () => resolve(false));
      socket.once("data", (answer) => {
        // The answer to who we are, and no error.
        resolve(answer.toString("latin1", 0, 1) === "R");
        socket.destroy();
      });
    }),
};

async function idOf(option: "-u" | "-g"): Promise<number> {
  return Number((await promisify(execFile)("id", [option, "postgres"])).stdout);
}

/** The processes of connections see soon that a killed postmaster is gone; before they end, the next one refuses to start. */
async function oldOneGone(pidFile: string): Promise<void> {
  const key = (await readFile(pidFile, "utf8").catch(() => "")).split("\n")[6]?.trim().split(/ +/)[1];
  if (key === undefined) return;
  for (;;) {
    const segments = (await readFile("/proc/sysvipc/shm", "utf8")).split("\n").map((line) => line.trim().split(/ +/));
    const attached = segments.find(([, id]) => id === key)?.[6] ?? "0";
    if (attached === "0") return;
    await delay(20);
  }
}
