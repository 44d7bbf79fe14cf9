// A program: calls a server by one contender's client, as fast as it answers.
import { answerSamples, type Calls } from "../answer-samples.ts";
import { type ClientName, clients } from "./clients.ts";
import { inFlight, request, response } from "./sum.ts";

const [, , name, origin] = process.argv;

async function calls(): Promise<Calls> {
  const { makeClient } = await clients[name as ClientName]();
  const client = makeClient(origin!);
  return { call: () => client(request), v: response.v, inFlight };
}

answerSamples(calls());
