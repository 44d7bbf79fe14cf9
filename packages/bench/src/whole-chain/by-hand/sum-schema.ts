const int = { type: "integer" };

/** For fastify: what it checks requests by, and writes responses by. */
export const sumSchema = {
  body: { type: "object", required: ["a", "b"], properties: { a: int, b: int } },
  response: { 200: { type: "object", required: ["v"], properties: { v: int } } },
};
