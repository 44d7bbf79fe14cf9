import { codes, isKitError } from "@kit/endpoint";
import { headers, type Msg, type MsgHdrs } from "@nats-io/transport-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NatsIncoming } from "../src/incoming.ts";
import { decodeJsonReply, decodeJsonRequest, decodePlainReply, encodeJson } from "../src/json.ts";
import { NatsOutgoing } from "../src/outgoing.ts";

function incoming(data: Uint8Array, code?: string): NatsIncoming {
  let written: MsgHdrs | undefined;
  if (code !== undefined) (written = headers()).append("error-code", code);
  return new NatsIncoming({ subject: "a", reply: "", data, headers: written } as unknown as Msg);
}

/** What it returns, or the error that it throws. */
function outcome(decode: () => unknown): unknown {
  try {
    return { value: decode() };
  } catch (error) {
    return error;
  }
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.json().map((text) => Buffer.from(text)),
);
/** A key that no honest peer sends is refused. */
const honest = (value: unknown): boolean => !JSON.stringify(value).includes("__proto__");
const code = fc.oneof(fc.constantFrom(...Object.keys(codes)), fc.stringMatching(/^[^\r\n]{0,20}$/));

describe("the decoders", () => {
  it("give a value or a coded error for any bytes", () => {
    fc.assert(
      fc.property(bytes, fc.option(code, { nil: undefined }), (data, sent) => {
        for (const decode of [decodeJsonRequest, decodeJsonReply, decodePlainReply]) {
          const result = outcome(() => decode(incoming(data, sent)));
          expect(isKitError(result) || Object.hasOwn(result as object, "value")).toBe(true);
        }
      }),
    );
  });

  it("throw the code that the header says, whatever the data says", () => {
    fc.assert(
      fc.property(bytes, fc.constantFrom(...Object.keys(codes)), (data, sent) => {
        expect(outcome(() => decodeJsonReply(incoming(data, sent)))).toMatchObject({ code: sent });
      }),
    );
  });

  it("read what the encoder has written", () => {
    fc.assert(
      fc.property(fc.jsonValue().filter(honest), (value) => {
        const message = new NatsOutgoing("a");
        encodeJson(value, message);
        const read = incoming(Buffer.from(message.data as string));
        expect(decodeJsonReply(read)).toStrictEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
