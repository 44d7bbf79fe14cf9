import { createServer, type Server } from "node:http";
import express, { type Request, type Response } from "express";
import { path, type SumRequest } from "../sum.ts";

export function makeServer(): Server {
  // Neither is of use to callers that are programs.
  const app = express().disable("x-powered-by").disable("etag");
  app.use(express.json());
  app.post(path, ({ body }: Request, response: Response) => {
    const { a, b } = body as SumRequest;
    response.json({ v: a + b });
  });
  return createServer(app);
}
