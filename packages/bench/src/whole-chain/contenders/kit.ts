import { background } from "@kit/endpoint";
import type { Call } from "../contenders.ts";
import { attempts, timeoutMs } from "../job.ts";
import { connectSum } from "../kit/client.ts";
import { openLog } from "../log.ts";

export { serveSum as serve } from "../kit/server.ts";

export async function connect(place: string): Promise<Call> {
  const client = await connectSum({ place, log: openLog(), retry: { attempts, timeoutMs } });
  return (request) => client.sum(request, background);
}
