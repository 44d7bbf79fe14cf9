// A program: calls a server by one contender's client, as fast as it answers.
import { answerSamples } from "../answer-samples.ts";
import { type ClientName, clients } from "./clients.ts";
import { inFlight, response } from "./sum.ts";

const [, , name, address] = process.argv;

answerSamples({ call: clients[name as ClientName](address!), v: response.v, inFlight });
