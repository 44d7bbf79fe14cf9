import { missingNeeds, type ServerKind } from "@kit/servers";
import { leaveOut } from "./left-out.ts";

/** Whether there is such a server for a bench; if not, one line says so. */
export function isInstalled(bench: string, server: ServerKind): boolean {
  if (missingNeeds(server).length === 0) return true;
  leaveOut(`${bench} is left out, for its server is not there; install: ${server.install}`);
  return false;
}
