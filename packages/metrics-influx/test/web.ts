import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { vi } from "vitest";

interface Post {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server for what a real one cannot be made to do; it keeps what it was sent, and by default takes it. */
export async function webServer(
  answer: (response: ServerResponse, nth: number) => void = (response) => void response.writeHead(204).end(),
) {
  const posts: Post[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => (body += part));
    request.on("end", () => {
      posts.push({ path: request.url!, headers: request.headers, body });
      answer(response, posts.length);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    /** All lines in the order they came, without their times. */
    get lines() {
      return posts.flatMap(({ body }) => body.trimEnd().split("\n")).map((line) => line.replace(/ \d+$/, ""));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** On a machine that is busy as well. */
export const until = (isSo: () => boolean): Promise<boolean> => vi.waitUntil(isSo, { timeout: 20_000, interval: 1 });
