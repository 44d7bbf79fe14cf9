// A program: serves one contender.
import { answer } from "../child.ts";
import { cpuUs } from "../cpu-time.ts";
import { type ServerName, servers } from "./servers.ts";

const [, , name, url, prefix] = process.argv;
const serving = serve();

async function serve(): Promise<void> {
  const module = await servers[name as ServerName]();
  await module.serve(url!, prefix!);
}

/** How much CPU time it has used, in µs. */
answer(async () => {
  await serving;
  return cpuUs();
});
