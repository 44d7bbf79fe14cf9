import type { Place, ServerKind } from "@kit/servers";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build, program } from "./gokit.ts";

/** One side's addsvc, and what calls it from the command line. */
export interface Addsvc {
  readonly service: ServerKind;
  readonly addcli: (args: readonly string[]) => Promise<Said>;
}

/** What a command line says, and whether it succeeded. */
interface Said {
  readonly ok: boolean;
  readonly said: string;
}

/** The flags of both that say where to listen and whom to call, in the order of the ports. */
export const wires = ["http", "grpc", "thrift", "jsonrpc"] as const;

function listening({ ports: [debug, ...ports] }: Place, debugFlag: string): string[] {
  return [debugFlag, `127.0.0.1:${debug}`, ...wires.flatMap((wire, n) => [`-${wire}-addr`, `127.0.0.1:${ports[n]}`])];
}

async function run(file: string, args: readonly string[]): Promise<Said> {
  try {
    const { stdout } = await promisify(execFile)(file, args);
    return { ok: true, said: stdout };
  } catch (error) {
    return { ok: false, said: String((error as { stderr?: string }).stderr) };
  }
}

const go = { addsvc: program("addsvc"), addcli: program("addcli") };

/** go-kit's own example, as it is. */
export const theirs: Addsvc = {
  service: {
    name: "go_addsvc",
    install: build,
    needs: [go.addsvc, go.addcli],
    ports: 5,
    command: (place) => ({ file: go.addsvc, args: listening(place, "-debug.addr") }),
    async probe(url, { ports }) {
      // Thrift's port is the one that it opens last, and by itself.
      const socket = connect(ports[3]!, "127.0.0.1");
      await once(socket, "connect");
      socket.destroy();
      return (await fetch(`${url}/metrics`)).ok;
    },
  },
  addcli: (args) => run(go.addcli, args),
};

const main = join(dirname(createRequire(import.meta.url).resolve("@kit-apps/addsvc/package.json")), "dist/main.js");

/** The app of this workspace. */
export const ours: Addsvc = {
  service: {
    name: "addsvc",
    install: "turbo run build",
    needs: [main],
    ports: 5,
    command(place) {
      const args = ["--instances=1", `--registry-dir=${join(place.directory, "registry")}`, "--retry-timeout=30000"];
      return { file: process.execPath, args: [main, ...args, ...listening(place, "--debug-addr")] };
    },
    // The gateway is ready before it has found its instance.
    async probe(_, { ports }) {
      return (await fetch(`http://127.0.0.1:${ports[1]}/sum`, { method: "POST", body: '{"a":1,"b":2}' })).ok;
    },
  },
  addcli: (args) => run(process.execPath, [main, "addcli", "--timeout=30000", ...args]),
};
