import { codes } from "@kit/endpoint";
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeError, jsonrpcHandler } from "../src/index.ts";

const handler = jsonrpcHandler({ echo: { endpoint: async (params: unknown) => params } });
const asked = async (body: string | Uint8Array<ArrayBuffer>): Promise<Response> =>
  handler.fetch(new Request("http://suite", { method: "POST", body }));

const member = fc.oneof(fc.jsonValue(), fc.constantFrom("2.0", "echo", "nothing", null));
/** A key that no honest peer sends has its own test. */
const honest = (value: unknown): boolean => !JSON.stringify(value).includes("__proto__");
const almostCall = fc.record({ jsonrpc: member, method: member, params: member, id: member }, { requiredKeys: [] });

it("answers whatever bytes come with JSON-RPC or with nothing", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
      ),
      async (body) => {
        const response = await asked(body);
        expect([200, 204]).toContain(response.status);
        expect(response.status === 204 ? {} : await response.json()).toBeTypeOf("object");
      },
    ),
  );
});

it("answers each element of a batch with its own id, and notifications not at all", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(almostCall, { minLength: 1, maxLength: 20 }).filter(honest), async (batch) => {
      const sent = JSON.parse(JSON.stringify(batch)) as { jsonrpc?: unknown; method?: unknown; id?: unknown }[];
      const response = await asked(JSON.stringify(sent));
      const replies = (response.status === 204 ? [] : await response.json()) as object[];
      const silent = sent.filter(
        ({ jsonrpc, method, id }) =>
          (jsonrpc === "2.0" || jsonrpc === "") && typeof method === "string" && id === undefined,
      );
      expect(replies).toHaveLength(sent.length - silent.length);
      for (const reply of replies) expect("result" in reply).toBe(!("error" in reply));
    }),
  );
});

it("makes a KitError of whatever error a peer sends", () => {
  fc.assert(
    fc.property(fc.anything(), (object) => {
      expect(Object.keys(codes)).toContain(decodeError(object).code);
    }),
  );
});
