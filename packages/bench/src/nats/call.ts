// A program: calls by one contender's client, as fast as it is answered.
import { connect } from "@nats-io/transport-node";
import { answerSamples, type Calls } from "../answer-samples.ts";
import { inFlight, request, response } from "../http/sum.ts";
import { type ClientName, clients } from "./clients.ts";

const [, , name, servers, prefix] = process.argv;

async function calls(): Promise<Calls> {
  const [module, connection] = await Promise.all([clients[name as ClientName](), connect({ servers: servers! })]);
  const client = module.makeClient(connection, prefix!);
  return { call: () => client(request), v: response.v, inFlight };
}

answerSamples(calls());
