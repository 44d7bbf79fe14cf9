// A program: calls by one contender's client, as fast as it is answered.
import { answerSamples, type Calls } from "../answer-samples.ts";
import { inFlight, request, response } from "../http/sum.ts";
import { type ClientName, clients } from "./clients.ts";

const [, , name, servers, prefix] = process.argv;

async function calls(): Promise<Calls> {
  const { makeClient } = await clients[name as ClientName]();
  const client = await makeClient(servers!, prefix!);
  return { call: () => client(request), v: response.v, inFlight };
}

answerSamples(calls());
