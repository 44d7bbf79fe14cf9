import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { runGroup } from "@kit/lifecycle";
import { drainHttp, type HttpHandler } from "@kit/transport-http";
import { quit } from "./flags.ts";

/**
 * Serves until SIGINT or SIGTERM; then takes nothing new, and resolves when the calls in hand are done.
 *
 * @param listen - an address such as `:8080` or `0.0.0.0:8080`; without a host it is this machine only, and port 0 takes a free one.
 * @param listening - told where, once it listens.
 */
export async function serve(handler: HttpHandler, listen: string, listening: (address: string) => void): Promise<void> {
  const [, host = "", port = ""] = /^(.*):(\d{1,5})$/.exec(listen) ?? quit(`--listen is like :8080, not "${listen}"`);
  if (Number(port) > 65_535) quit(`there is no port ${port}`);
  const server = createServer(handler);
  const end = await runGroup([
    {
      name: "http",
      start: () =>
        new Promise<void>((resolve, reject) => {
          server.once("error", reject);
          server.listen(Number(port), host || "127.0.0.1", resolve);
        }).then(() => {
          const { address, port: taken } = server.address() as AddressInfo;
          listening(`${address}:${taken}`);
        }),
      stop: () => drainHttp(server),
    },
  ]);
  if (end.reason === "failed") quit(whyNot(Number(port), end.error as NodeJS.ErrnoException));
  process.exitCode = end.exitCode;
}

function whyNot(port: number, { code = "", message }: NodeJS.ErrnoException): string {
  const known: Record<string, string> = { EADDRINUSE: "is in use", EACCES: "needs more rights" };
  return known[code] ? `port ${port} ${known[code]}: choose another with --listen` : message;
}
