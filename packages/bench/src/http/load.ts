// A program: asks servers as fast as they answer, over connections that it keeps. It knows no HTTP but this one exchange, since the cheaper
// the load is, the more of what is measured is the server's.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { answer } from "../child.ts";
import { path as grpcPath } from "../grpc/sum.ts";
import { inFlight, path, request, response } from "./sum.ts";

/** How the operation is asked for, and what its answer is. */
const forms = {
  http: { path, body: JSON.stringify(request), expected: JSON.stringify(response) },
  connect: { path: grpcPath, body: JSON.stringify(request), expected: JSON.stringify(response) },
  trpc: { path, body: JSON.stringify(request), expected: JSON.stringify({ result: { data: response } }) },
  jsonrpc: {
    path,
    body: JSON.stringify({ jsonrpc: "2.0", method: "sum", params: request, id: 1 }),
    expected: JSON.stringify({ jsonrpc: "2.0", result: response, id: 1 }),
  },
  "jsonrpc, id first": {
    path,
    body: JSON.stringify({ jsonrpc: "2.0", method: "sum", params: request, id: 1 }),
    expected: JSON.stringify({ jsonrpc: "2.0", id: 1, result: response }),
  },
} as const;

export interface LoadQuestion {
  readonly port: number;
  readonly ms: number;
  readonly form: keyof typeof forms;
}

export interface LoadAnswer {
  readonly requests: number;
  readonly tookMs: number;
}

const messageOf = ({ path: target, body }: (typeof forms)[keyof typeof forms]): Buffer =>
  Buffer.from(
    [
      `POST ${target} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Connection: keep-alive",
      "User-Agent: bench",
      "Accept: */*",
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      "",
      body,
    ].join("\r\n"),
  );
const messages = {
  http: messageOf(forms.http),
  connect: messageOf(forms.connect),
  trpc: messageOf(forms.trpc),
  jsonrpc: messageOf(forms.jsonrpc),
  "jsonrpc, id first": messageOf(forms["jsonrpc, id first"]),
};

const connections = new Map<number, Promise<Socket[]>>();

function connectionsTo(port: number): Promise<Socket[]> {
  let all = connections.get(port);
  if (all === undefined) connections.set(port, (all = Promise.all(Array.from({ length: inFlight }, () => open(port)))));
  return all;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  await once(socket, "connect");
  return socket;
}

/** Sends one request after another until the time is up, and tells how many were answered. */
function exchange(socket: Socket, form: LoadQuestion["form"], until: number): Promise<number> {
  const message = messages[form];
  const { expected } = forms[form];
  return new Promise((resolve, reject) => {
    let requests = 0;
    let text = "";
    const take = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (!isWhole(text, expected)) return;
      text = "";
      requests += 1;
      if (performance.now() < until) {
        socket.write(message);
        return;
      }
      socket.off("data", take).off("close", lost);
      resolve(requests);
    };
    const lost = (): void => reject(new Error("the server closed a connection"));
    socket.on("data", take).on("close", lost);
    // Between two samples nobody listens.
    if (socket.destroyed) lost();
    socket.write(message);
  });
}

/** @throws when it is not the answer. */
function isWhole(text: string, expected: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  const whole = length === undefined ? chunked(expected) : expected;
  if (text.length < end + 4 + Number(length ?? whole.length)) return false;
  if (!text.startsWith("HTTP/1.1 200 ") || text.slice(end + 4) !== whole) throw new Error(`not the answer: ${text}`);
  return true;
}

/** As a server sends it that does not tell the length. */
function chunked(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

answer(async ({ port, ms, form }: LoadQuestion): Promise<LoadAnswer> => {
  const sockets = await connectionsTo(port);
  const start = performance.now();
  const counts = await Promise.all(sockets.map((socket) => exchange(socket, form, start + ms)));
  return { requests: counts.reduce((sum, count) => sum + count, 0), tookMs: performance.now() - start };
});
