import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where PCP looks for MMV files: as its own programs find it, from the environment or its configuration. */
export function pcpDirectory(): string {
  return join(process.env["PCP_TMP_DIR"] ?? configured() ?? "/var/lib/pcp/tmp", "mmv");
}

function configured(): string | undefined {
  try {
    const text = readFileSync(process.env["PCP_CONF"] ?? "/etc/pcp.conf", "utf8");
    return /^PCP_TMP_DIR=(.+)$/m.exec(text)?.[1];
  } catch {
    return undefined;
  }
}
