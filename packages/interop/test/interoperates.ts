import { background, codeOf, type KitError } from "@kit/endpoint";
import { type Server, startServer } from "@kit/servers";
import type { ClientOf, EndpointsOf } from "@kit/service";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Interop } from "./contract.ts";
import { callByGo, gokit, type GoReport } from "./gokit.ts";
import { type Identity, withIdentity } from "./identity.ts";
import { ownService } from "./own-service.ts";
import type { Served } from "./serving.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** One transport, on both sides. */
export interface Wire {
  /** As Go's client calls it. */
  readonly transport: string;
  /** Flags for Go's server, besides its addresses, and for its client. @default none */
  readonly serverFlags?: () => readonly string[];
  readonly clientFlags?: readonly string[];
  /** A client of ours of that server. */
  readonly connect: (server: Server) => ClientOf<typeof Interop>;
  /** Serves what is ours; resolves with the address that Go's client is given. */
  readonly serve: (endpoints: EndpointsOf<typeof Interop>) => Promise<Served>;
  /** An error of ours that says what it is on this wire, with the text `no such thing`. */
  readonly coded: () => Error;
  /** How a client of ours knows go-kit's errors. */
  readonly ourErrors: { readonly plain: Partial<KitError>; readonly coded: Partial<KitError> };
  /** How a go-kit client knows ours: the wire's number and the text. */
  readonly goErrors: { readonly plain: readonly [number, string]; readonly coded: readonly [number, string] };
  /** What a context of go-kit's ends with when a client of ours gives up, or why it does not. */
  readonly goEnds: readonly string[] | Reason;
  /** What a context of ours ends with when a go-kit client gives up, or why it does not. */
  readonly oursEnds: readonly string[] | Reason;
  /** Whether a token and a trace go along, or why they do not. */
  readonly identity: true | Reason;
}

/** Why go-kit cannot do it. The test says so, and would fail if it could. */
type Reason = string;

const isReason = (able: true | readonly string[] | Reason): able is Reason => typeof able === "string";
const ending = (able: readonly string[] | Reason): string =>
  isReason(able) ? `goes on when the caller gives up: ${able}` : "ends when the caller gives up at its deadline";
const taking = (able: true | Reason): string =>
  isReason(able) ? `gets neither token nor trace: ${able}` : "takes the token and the trace";

/** Beyond the Basic Multilingual Plane, joined, right to left; what JSON, HTML and C have their own ideas of. */
const unicode = "Zażółć gęślą jaźń, 𝔘𝔫𝔦𝔠𝔬𝔡𝔢, 👩‍👩‍👧‍👦, שלום, \u2028 \u0000 <b>&\"'\\ \uFEFF";

/** A million bytes of UTF-8. */
const large = "é".repeat(500_000);

const peter: Identity = {
  user: "peter",
  trace: "463ac35c9f6413ad48485a3953bb6124",
  span: "a2fb4a1d1a96d312",
  parent: "0020000000000001",
  sampled: "1",
};

/** How long a call may take whose deadline is to pass while it is being served, in ms: a busy machine has it there by then. */
const patienceMs = 1_500;

/** The cases that every transport has to stand, both ways. */
export function interoperates(wire: Wire): void {
  const { transport, serverFlags, clientFlags = [], ourErrors, goErrors, goEnds, oursEnds, identity } = wire;

  describe("a client of ours calls go-kit", () => {
    let server: Server;
    let client: ClientOf<typeof Interop>;
    beforeAll(async () => {
      server = await startServer(gokit(serverFlags));
      client = wire.connect(server);
    });
    afterAll(async () => {
      await client?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    });

    it("and has its response", async () => {
      expect(await client.sum({ a: 1, b: -2 }, background)).toMatchObject({ v: -1, err: "" });
    });

    it("and finds a business error in the response", async () => {
      expect(await client.sum({ a: 0, b: 0 }, background)).toMatchObject({ v: 0, err: "can't sum two zeroes" });
    });

    it("and hears of an error what the wire can say", async () => {
      await expect(client.fail({ coded: false }, background)).rejects.toMatchObject(ourErrors.plain);
    });

    it("and hears of an error that says what it is", async () => {
      await expect(client.fail({ coded: true }, background)).rejects.toMatchObject(ourErrors.coded);
    });

    it(`and go-kit's context ${ending(goEnds)}`, async () => {
      const id = randomUUID();
      using ctx = background.withTimeout(patienceMs);
      const ms = isReason(goEnds) ? 2 * patienceMs : 60_000;
      await expect(client.wait({ id, ms }, ctx)).rejects.toMatchObject({ code: "deadline_exceeded" });
      const { ended } = await client.waited({ id }, background);
      expect(isReason(goEnds) ? [""] : goEnds).toContain(ended);
    });

    it("with any text", async () => {
      expect(await client.echo({ text: unicode }, background)).toMatchObject({ text: unicode });
    });

    it("with a million bytes", async () => {
      expect((await client.echo({ text: large }, background)).text === large).toBe(true);
    });

    it("a hundred times at once, and no reply is another's", async () => {
      const texts = Array.from({ length: 100 }, (_, n) => `number ${n}`);
      const replies = await Promise.all(texts.map((text) => client.echo({ text }, background)));
      expect(replies.map(({ text }) => text)).toEqual(texts);
    });

    it(`which ${taking(identity)}`, async () => {
      const seen = await client
        .whoami({}, withIdentity(background, peter))
        .then(({ user, trace, span, parent, sampled }) => ({ user, trace, span, parent, sampled }), codeOf);
      expect(seen).toEqual(isReason(identity) ? ourErrors.plain.code : peter);
    });

    it("which misses a token where there is none", async () => {
      await expect(client.whoami({}, background)).rejects.toMatchObject({ code: ourErrors.plain.code });
    });
  });

  describe("go-kit calls us", () => {
    const own = ownService(wire.coded);
    let served: Served;
    beforeAll(async () => {
      served = await wire.serve(own.endpoints);
    });
    afterAll(() => served?.[Symbol.asyncDispose]());

    const call = (operation: string, request: object, more: { timeoutMs?: number; user?: string } = {}) =>
      callByGo({ transport, address: served.address, operation, request, flags: clientFlags, ...more });
    const failed = ({ error }: GoReport) => [error?.code, error?.text];

    it("and has our response", async () => {
      expect((await call("sum", { a: 1, b: -2 })).response).toMatchObject({ v: -1, err: "" });
    });

    it("and finds a business error in the response", async () => {
      const { response } = await call("sum", { a: 0, b: 0 });
      expect(response).toEqual({ v: 0, err: "can't sum two zeroes" });
    });

    it("and hears of an error what the wire can say", async () => {
      expect(failed(await call("fail", { coded: false }))).toEqual(goErrors.plain);
    });

    it("and hears of an error that says what it is", async () => {
      expect(failed(await call("fail", { coded: true }))).toEqual(goErrors.coded);
    });

    it(`and our context ${ending(oursEnds)}`, async () => {
      const id = randomUUID();
      const ms = isReason(oursEnds) ? 2 * patienceMs : 60_000;
      const { error } = await call("wait", { id, ms }, { timeoutMs: patienceMs });
      expect(error).toMatchObject({ deadline: true });
      expect(isReason(oursEnds) ? [""] : oursEnds).toContain(await own.ended(id));
    });

    it("with any text", async () => {
      expect((await call("echo", { text: unicode })).response).toEqual({ text: unicode });
    });

    it("with a million bytes", async () => {
      expect((await call("echo", { text: large })).response.text === large).toBe(true);
    });

    it(`and our handler ${taking(identity)}`, async () => {
      const { response, error, trace, span } = await call("whoami", {}, { user: "peter" });
      const theirs = {
        user: "peter",
        trace,
        span: expect.stringMatching(/^[0-9a-f]{16}$/),
        parent: span,
        sampled: "1",
      };
      // Some wires put their own words before an error's.
      const seen = response ?? error?.text.replace(/^.*: /, "");
      expect(seen).toEqual(isReason(identity) ? "the token is not ours" : theirs);
    });
  });
}
