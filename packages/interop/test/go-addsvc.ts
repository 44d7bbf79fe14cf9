import type { ServerKind } from "@kit/servers";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { build, program } from "./gokit.ts";

const files = { addsvc: program("addsvc"), addcli: program("addcli") };

/** go-kit's own example, as it is. Its ports are those of debugging, HTTP, gRPC, Thrift and JSON-RPC. */
export const addsvc: ServerKind = {
  name: "addsvc",
  install: build,
  needs: [files.addsvc, files.addcli],
  ports: 5,
  command({ ports }) {
    const flags = ["-debug.addr", "-http-addr", "-grpc-addr", "-thrift-addr", "-jsonrpc-addr"];
    return { file: files.addsvc, args: flags.flatMap((flag, n) => [flag, `127.0.0.1:${ports[n]}`]) };
  },
  async probe(url, { ports }) {
    // Thrift's port is the one that it opens last, and by itself.
    const socket = connect(ports[3]!, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
    return (await fetch(`${url}/metrics`)).ok;
  },
};

/** What go-kit's command line says, and whether it succeeded. */
export async function addcli(...args: readonly string[]): Promise<{ readonly ok: boolean; readonly said: string }> {
  try {
    const { stdout } = await promisify(execFile)(files.addcli, args);
    return { ok: true, said: stdout };
  } catch (error) {
    return { ok: false, said: String((error as { stderr?: string }).stderr) };
  }
}
