// A program: calls a server by one contender's client, as fast as it answers.
import { answerSamples, type Calls } from "../answer-samples.ts";
import { type ClientName, clients } from "./clients.ts";
import { inFlight, response } from "./sum.ts";

const [, , name, address] = process.argv;

async function calls(): Promise<Calls> {
  const { makeClient } = await clients[name as ClientName]();
  return { call: makeClient(address!), v: response.v, inFlight };
}

answerSamples(calls());
