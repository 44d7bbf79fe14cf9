import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { validator } from "hono/validator";
import { z } from "zod";
import { path } from "../sum.ts";

const sumRequest = z.object({ a: z.int(), b: z.int() });

export function makeServer(): Server {
  const app = new Hono();
  const checked = validator("json", (value, context) => {
    const { success, data } = sumRequest.safeParse(value);
    return success ? data : context.json({ error: "not a sum" }, 400);
  });
  app.post(path, checked, (context) => {
    const { a, b } = context.req.valid("json");
    return context.json({ v: a + b });
  });
  const listener = getRequestListener(app.fetch);
  return createServer((request, response) => void listener(request, response));
}
