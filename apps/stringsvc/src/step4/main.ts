import { implement } from "@kit/service";
import { serveHttp } from "@kit/transport-http";
import { connectNats, serveNats } from "@kit/transport-nats";
import { readFlags } from "../flags.ts";
import { serve } from "../serve.ts";
import { Strings } from "./contract.ts";
import { connectToNats } from "./nats.ts";
import { stringService } from "./service.ts";

const { listen, "nats-url": url } = readFlags({ listen: ":8080", "nats-url": "nats://127.0.0.1:4222" });
const connection = await connectToNats(url);

// One side: the service on NATS, at stringsvc.uppercase and stringsvc.count. Any number of processes share the calls.
const subscribers = serveNats(Strings, implement(Strings, stringService), { connection });
await subscribers.ready();

// The other side: a client of it, served as it is to those who speak HTTP.
const publishers = connectNats(Strings, { connection });
const handler = serveHttp(Strings, publishers);

await serve(handler, listen, (address) => process.stderr.write(`stringsvc listens on http://${address}\n`));
await publishers[Symbol.asyncDispose]();
await subscribers.close();
await connection.close();
