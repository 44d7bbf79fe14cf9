import type { Server } from "node:http";
import jayson from "jayson";
import type { SumRequest, SumResponse } from "../sum.ts";

type Reply = (error: null, result: SumResponse) => void;

export function makeServer(): Server {
  return new jayson.Server({ sum: ({ a, b }: SumRequest, reply: Reply) => reply(null, { v: a + b }) }).http();
}
