import type { RequestListener } from "node:http";

/** Lets pages of any origin call: these headers on every reply, and an empty one to a browser that asks first. */
export function accessControl(next: RequestListener): RequestListener {
  return (request, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    response.setHeader("Access-Control-Allow-Headers", "Origin, Content-Type");
    if (request.method === "OPTIONS") response.end();
    else next(request, response);
  };
}
