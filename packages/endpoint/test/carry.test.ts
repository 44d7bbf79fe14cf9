import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  background,
  type Carrier,
  type Codec,
  type Context,
  type ContextKey,
  contextKey,
  extract,
  inject,
  text,
} from "../src/index.ts";

const whole: Codec<number> = {
  encode: String,
  decode(value) {
    if (value === "throw") throw new Error("a codec may throw");
    return /^\d+$/.test(value) ? Number(value) : undefined;
  },
};
const tenant = contextKey("test-tenant", { carry: text });
const attempt = contextKey("test-attempt", { carry: whole });

/** What a transport would send for the context. */
function headersOf(ctx: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  inject(ctx, (name, value) => {
    headers[name] = value;
  });
  return headers;
}

/** What a server makes of such headers. */
function receive(headers: Record<string, string>, ctx: Context = background): Context {
  return extract(ctx, (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined));
}

/** Any string at all, with more than its share of what breaks encoders. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("\ud83d", "\ude00", "%", "\r\n", "\0", " ", "é", "😀", "\u007f", "\uffff", "a") }),
);

describe("inject", () => {
  it("hands over each carried value of the context by its key's name, and nothing else", () => {
    const local = contextKey<string>("test-local");
    const ctx = background.with(tenant, "acme").with(attempt, 2).with(local, "stays");
    expect(headersOf(ctx)).toEqual({ "test-tenant": "acme", "test-attempt": "2" });
    expect(headersOf(background)).toEqual({});
  });

  it("hands over the value nearest to the context", () => {
    expect(headersOf(background.with(tenant, "outer").with(tenant, "inner"))).toEqual({ "test-tenant": "inner" });
  });

  it("hands over nothing for a value that was taken back", () => {
    const optional = tenant as ContextKey<string | undefined>;
    expect(headersOf(background.with(tenant, "acme").with(optional, undefined))).toEqual({});
  });

  it("passes on what came in, from wire to wire", () => {
    const incoming = { "test-tenant": "acme%20%C3%A9", "test-attempt": "3", "test-other": "not a key" };
    expect(headersOf(receive(incoming).withTimeout(100))).toEqual({
      "test-tenant": "acme%20%C3%A9",
      "test-attempt": "3",
    });
  });

  it("percent-encodes as encodeURIComponent does, so that other languages can read it", () => {
    expect(headersOf(background.with(tenant, "a-Z0~_.!*'()"))).toEqual({ "test-tenant": "a-Z0~_.!*'()" });
    expect(headersOf(background.with(tenant, "100 %\r\nx-evil: é 😀\u007f"))).toEqual({
      "test-tenant": "100%20%25%0D%0Ax-evil%3A%20%C3%A9%20%F0%9F%98%80%7F",
    });
    expect(headersOf(background.with(tenant, "\ud800a\udfff"))).toEqual({ "test-tenant": "%EF%BF%BDa%EF%BF%BD" });
  });

  it("gives headers that any transport can hold, for any text", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        expect(headersOf(background.with(tenant, value))["test-tenant"]).toMatch(/^[\w.!~*'()%-]*$/);
      }),
    );
  });

  it("lets the failure of an encoder through to the transport", () => {
    const broken = contextKey<string>("test-broken", {
      carry: {
        encode() {
          throw new Error("cannot encode");
        },
        decode: () => undefined,
      },
    });
    expect(() => headersOf(background.with(broken, "x"))).toThrow("cannot encode");
  });
});

describe("extract", () => {
  it("gives back what was injected, for any text, half surrogate pairs as U+FFFD", () => {
    fc.assert(
      fc.property(anyText, fc.nat(), (value, number) => {
        const received = receive(headersOf(background.with(tenant, value).with(attempt, number)));
        expect(received.get(tenant)).toBe(value.toWellFormed());
        expect(received.get(attempt)).toBe(number);
      }),
    );
  });

  it("survives many wires without being changed", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const once = headersOf(background.with(tenant, value));
        expect(headersOf(receive(headersOf(receive(once))))).toEqual(once);
      }),
    );
  });

  it("never throws for a stranger's header: what makes no sense is absent", () => {
    const header = fc.oneof(anyText, fc.constantFrom("%", "%zz", "%E9", "%C3", "%ED%A0%80", "throw", "-1", "1e3", "٣"));
    fc.assert(
      fc.property(header, (value) => {
        const ctx = receive({ "test-tenant": value, "test-attempt": value });
        expect(["string", "undefined"]).toContain(typeof ctx.get(tenant));
        expect(["number", "undefined"]).toContain(typeof ctx.get(attempt));
      }),
    );
  });

  it.each(["%", "%zz", "%C3", "%ED%A0%80"])("counts %j as absent, because it is no escaped text", (value) => {
    expect(receive({ "test-tenant": value }).get(tenant)).toBeUndefined();
  });

  it("counts as absent what the codec refuses by undefined or by throwing", () => {
    expect(receive({ "test-attempt": "many" }).get(attempt)).toBeUndefined();
    expect(receive({ "test-attempt": "throw" }).get(attempt)).toBeUndefined();
  });

  it("looks further out when the caller's value is absent or makes no sense", () => {
    const configured = background.with(attempt, 1);
    expect(receive({}, configured).get(attempt)).toBe(1);
    expect(receive({ "test-attempt": "many" }, configured).get(attempt)).toBe(1);
    expect(receive({ "test-attempt": "many" }, receive({ "test-attempt": "5" })).get(attempt)).toBe(5);
  });

  it("lets the value nearest to the context win, whether it was sent or set", () => {
    expect(receive({ "test-attempt": "2" }, background.with(attempt, 1)).get(attempt)).toBe(2);
    expect(receive({ "test-attempt": "2" }).with(attempt, 3).get(attempt)).toBe(3);
    expect(receive({ "test-attempt": "3" }, receive({ "test-attempt": "2" })).get(attempt)).toBe(3);
  });

  it("carries an empty text", () => {
    expect(receive(headersOf(background.with(tenant, ""))).get(tenant)).toBe("");
  });

  it("does not decode a header before somebody asks, nor ask for one that is not carried", () => {
    const carrier = vi.fn<Carrier>(() => "7");
    const ctx = extract(background, carrier).withTimeout(50).with(contextKey<string>("test-unrelated"), "x");
    ctx.get(contextKey<string>("test-not-carried"));
    expect(carrier).not.toHaveBeenCalled();
    expect(ctx.get(attempt)).toBe(7);
    expect(carrier.mock.calls).toEqual([["test-attempt"]]);
  });

  it("carries by the key asked with, so a key that was declared later finds its value too", () => {
    const ctx = receive({ "test-late": "4" });
    expect(ctx.get(contextKey("test-late", { carry: whole }))).toBe(4);
  });
});
