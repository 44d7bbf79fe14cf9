import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ServerKind } from "./server-kind.ts";

const pmcd = "/usr/lib/pcp/bin/pmcd";
const agents = "/var/lib/pcp/pmdas";

/** Performance Co-Pilot's collector with its agent for memory mapped values, whose files are those in the folder `mmv` of its own. */
export const pcp: ServerKind = {
  name: "pcp",
  install: "bash packages/servers/bin/install.sh",
  needs: [pmcd, "pminfo"],
  scheme: "pcp://",
  async prepare({ directory }) {
    await mkdir(join(directory, "mmv"), { recursive: true });
    await writeFile(join(directory, "pmcd.conf"), `mmv 70 dso mmv_init ${agents}/mmv/pmda_mmv.so\n`);
  },
  command: ({ directory, port }) => ({
    file: pmcd,
    args: [
      ["-f", "-A", "-c", join(directory, "pmcd.conf"), "-n", `${agents}/mmv/root_mmv`, "-U", "root"],
      ["-i", "127.0.0.1", "-p", String(port), "-s", join(directory, "socket"), "-l", join(directory, "pmcd.log")],
    ].flat(),
    env: { PCP_TMP_DIR: directory, PCP_RUN_DIR: directory },
  }),
  async probe(_, { port }) {
    await promisify(execFile)("pminfo", ["-h", `127.0.0.1:${port}`, "-f", "mmv.control.files"], { timeout: 2000 });
    return true;
  },
};
