import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Instance } from "@kit/sd";
import type { Server } from "@kit/servers";
import { Packet, type Resource } from "dns2";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

let names = 0;

/** A name that no other test has. */
export const newName = (): string => `_http._tcp.svc${names++}-${process.pid}.kit.test`;

/** The records of a name that has these instances. */
export const recordsOf = (instances: readonly Instance[]): readonly string[] =>
  instances.map(({ address, weight = 1 }) => {
    const [host, port] = address.split(":");
    return srv(Number(port), `${host}.`, { weight });
  });

/** A record as zones write it: TTL, type, and what the type wants. */
export const srv = (port: number, target = "one.kit.test.", { ttl = 1, priority = 0, weight = 0 } = {}): string =>
  `${ttl} SRV ${priority} ${weight} ${port} ${target}`;

/** What nsupdate is told so that a name has these records and no others. */
export const replacing = (name: string, records: readonly string[]): string =>
  [`update delete ${name}`, ...records.map((record) => `update add ${name} ${record}`), "send", ""].join("\n");

/** BIND's own program for changes, at work on one server. */
export interface Updates extends AsyncDisposable {
  /** Resolves when the server has made the changes. */
  send(commands: string): Promise<void>;
}

export function nsupdates(server: Server): Updates {
  const child = spawn("nsupdate", { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  child.stdin.write(`server 127.0.0.1 ${server.port}\nzone kit.test\n`);
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  let turn = Promise.resolve();

  /** Each set of changes is answered by some lines, of which one has the status. */
  async function untilAnswered(): Promise<void> {
    for (;;) {
      const { value: line, done } = await answers.next();
      if (done) throw new Error("nsupdate has ended");
      const [, status] = /opcode: UPDATE, status: (\w+)/.exec(line) ?? [];
      if (status === "NOERROR") return;
      if (status !== undefined) throw new Error(`nsupdate was answered ${status}`);
    }
  }

  return {
    send(commands) {
      child.stdin.write(`${commands}answer\n`);
      return (turn = turn.then(untilAnswered));
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}

export async function nsupdate(server: Server, commands: string): Promise<void> {
  await using updates = nsupdates(server);
  await updates.send(commands);
}

/** A server that answers as no name server would. */
export interface FakeDns extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** The names that it was asked for, with `tcp` where it was over that. */
  readonly asked: string[];
  /** What goes back, message by message. */
  answer: (query: Packet, transport: "udp" | "tcp") => readonly Uint8Array[];
}

export async function fakeDns(answer: FakeDns["answer"]): Promise<FakeDns> {
  const clients: Socket[] = [];
  const udp = createSocket("udp4");
  udp.on("message", (bytes, { port, address }) => {
    for (const each of answered(bytes, "udp")) udp.send(each, port, address);
  });
  const tcp = createServer((client) => {
    clients.push(client.on("error", () => {}));
    client.on("data", (bytes) => {
      for (const each of answered(bytes.subarray(2), "tcp")) client.write(each);
    });
  });
  const answered = (bytes: Buffer, transport: "udp" | "tcp"): readonly Uint8Array[] => {
    const query = Packet.parse(bytes);
    fake.asked.push(`${query.questions[0]!.name}${transport === "tcp" ? " tcp" : ""}`);
    return fake.answer(query, transport);
  };
  // The system gives TCP a port that UDP mostly has free as well.
  await once(tcp.listen(0, "127.0.0.1"), "listening");
  const { port } = tcp.address() as { port: number };
  udp.bind(port, "127.0.0.1");
  await once(udp, "listening");
  const fake: FakeDns = {
    address: `127.0.0.1:${port}`,
    port,
    asked: [],
    answer,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      udp.close();
      await once(tcp.close(), "close");
    },
  };
  return fake;
}

/** An answer in the driver's form, whatever is said of it. */
export interface Reply {
  readonly header?: Partial<Packet["header"]>;
  readonly questions?: Packet["questions"];
  readonly answers?: readonly Partial<Resource>[];
  readonly authorities?: readonly Partial<Resource>[];
}

export function reply(query: Packet, { header, questions, answers = [], authorities = [] }: Reply = {}): Buffer {
  const packet = Packet.createResponseFromRequest(query);
  Object.assign(packet.header, header);
  if (questions !== undefined) packet.questions = questions;
  packet.answers = answers.map((record) => recordOf(query, record));
  packet.authorities = authorities.map((record) => recordOf(query, record));
  return packet.toBuffer();
}

/** An SRV record of the name that was asked for, but for what is said. */
function recordOf(query: Packet, fields: Partial<Resource>): Resource {
  const { name } = query.questions[0]!;
  const plain = { name, type: Packet.TYPE.SRV, class: Packet.CLASS.IN, ttl: 0 };
  return new Packet.Resource({
    ...plain,
    priority: 0,
    weight: 0,
    port: 80,
    target: "one.example",
    ...fields,
  });
}

/** A message as TCP carries it. */
export function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
