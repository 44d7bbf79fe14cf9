import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { structured } from "../src/message.ts";
import { decode } from "./decode.ts";

const origin = { facility: 1, hostname: "web1", appName: "shop", procId: "17", now: () => 0 };
const maxBytes = 1024;
const toMessage = structured(origin, "fields@32473", () => "-", maxBytes);

const character = fc.oneof(
  fc.constantFrom('"', "\\", "]", "[", " ", "=", "%", "\n", "\u0000", "\u009f", "\ud800"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
);
const text = (maxLength: number) => fc.string({ unit: character, maxLength });

describe("a message of RFC 5424", () => {
  it("has the RFC's grammar, no control character and no byte too many, whatever is logged", () => {
    const value = fc.oneof(text(2000), fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true }));
    fc.assert(
      fc.property(
        fc.dictionary(text(40), value, { maxKeys: 40 }),
        fc.integer({ min: 0, max: 7 }),
        (fields, severity) => {
          const message = toMessage(severity, fields);
          // oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for
          expect(message).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
          expect(Buffer.byteLength(message)).toBeLessThanOrEqual(maxBytes);
          expect(decode(message.toWellFormed()).severity).toBe(severity);
        },
      ),
    );
  });

  it("says every text that fits so that it can be read back", () => {
    // Each character of a name may become twelve.
    const name = text(2).filter((each) => each !== "" && each.isWellFormed());
    fc.assert(
      fc.property(fc.dictionary(name, text(10), { maxKeys: 5 }), (fields) => {
        const { params } = decode(toMessage(6, fields).toWellFormed());
        const told = Object.entries(fields).map(([each, value]) => [each, value.toWellFormed()]);
        expect(Object.entries(params)).toEqual(told);
      }),
    );
  });
});
