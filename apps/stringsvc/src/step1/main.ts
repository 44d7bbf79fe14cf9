import { implement } from "@kit/service";
import { serveHttp } from "@kit/transport-http";
import { readFlags } from "../flags.ts";
import { serve } from "../serve.ts";
import { Strings } from "./contract.ts";
import { stringService } from "./service.ts";

const { listen } = readFlags({ listen: ":8080" });

const handler = serveHttp(Strings, implement(Strings, stringService));

await serve(handler, listen, (address) => process.stderr.write(`stringsvc listens on http://${address}\n`));
