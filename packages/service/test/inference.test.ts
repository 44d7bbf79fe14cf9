import { type AnyMiddleware, background, type Code, type Context, type Endpoint } from "@kit/endpoint";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  type ClientOf,
  connectLocal,
  declaredError,
  type DeclaredError,
  defineService,
  type EndpointsOf,
  implement,
  type Method,
  type MethodSpec,
  type Service,
} from "../src/index.ts";
import { arktypeProfiles, valibotProfiles, zodProfiles } from "./profiles.ts";

// What stands in a function that is never called is there for the compiler alone.

const Words = defineService("words", { upper: { request: z.string(), response: z.string() } });
const Numbers = defineService("numbers", { double: { request: z.number(), response: z.number() } });

describe("types", () => {
  it("are the schema's output for a handler's request, and its input for a handler's response", () => {
    interface Endpoints {
      readonly get: Endpoint<{ id: string; since: Date; page: number; tags: string[] }, { name: string; born: string }>;
      readonly ping: Endpoint<undefined, undefined>;
    }
    expectTypeOf<EndpointsOf<typeof zodProfiles>>().branded.toEqualTypeOf<Endpoints>();
    expectTypeOf<EndpointsOf<typeof valibotProfiles>>().branded.toEqualTypeOf<Endpoints>();
    expectTypeOf<EndpointsOf<typeof arktypeProfiles>>().branded.toEqualTypeOf<Endpoints>();
  });

  it("are the schema's input for a caller's request, and its output for a caller's response", () => {
    interface Optional<Page, Tags> {
      readonly get: Endpoint<{ id: string; since: string; page?: Page; tags?: Tags }, { name: string; born: Date }>;
      readonly ping: Endpoint<undefined, undefined>;
    }
    type Loose = Optional<number | undefined, string[] | undefined> & AsyncDisposable;
    type Exact = Optional<number, string[]> & AsyncDisposable;
    expectTypeOf<ClientOf<typeof zodProfiles>>().branded.toEqualTypeOf<Loose>();
    expectTypeOf<ClientOf<typeof valibotProfiles>>().branded.toEqualTypeOf<Loose>();
    expectTypeOf<ClientOf<typeof arktypeProfiles>>().branded.toEqualTypeOf<Exact>();
  });

  it("follow a coercion, whose input may be anything or what it says", () => {
    const Coerced = defineService("coerced", {
      m: { request: z.object({ n: z.coerce.number(), at: z.coerce.date<string>() }), response: z.coerce.date() },
    });
    expectTypeOf<EndpointsOf<typeof Coerced>["m"]>().toEqualTypeOf<Endpoint<{ n: number; at: Date }, unknown>>();
    expectTypeOf<ClientOf<typeof Coerced>["m"]>().toEqualTypeOf<Endpoint<{ n: unknown; at: string }, Date>>();
  });

  it("follow transforms, brands and unions", () => {
    const Shapes = defineService("shapes", {
      zod: {
        request: z.string().transform((text) => text.length),
        response: z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("a"), a: z.number() }),
          z.object({ kind: z.literal("b"), b: z.string() }),
        ]),
      },
      valibot: {
        request: v.pipe(
          v.string(),
          v.transform((text) => text.length),
        ),
        response: v.pipe(v.string(), v.brand("Id")),
      },
      arktype: { request: type("string.integer.parse"), response: type("'on' | 'off'") },
    });
    type Endpoints = EndpointsOf<typeof Shapes>;
    type Client = ClientOf<typeof Shapes>;
    type Either = { kind: "a"; a: number } | { kind: "b"; b: string };
    expectTypeOf<Endpoints["zod"]>().toEqualTypeOf<Endpoint<number, Either>>();
    expectTypeOf<Client["zod"]>().toEqualTypeOf<Endpoint<string, Either>>();
    expectTypeOf<Endpoints["valibot"]>().toEqualTypeOf<Endpoint<number, string>>();
    expectTypeOf<Client["valibot"]>().toEqualTypeOf<Endpoint<string, string & v.Brand<"Id">>>();
    expectTypeOf<Endpoints["arktype"]>().toEqualTypeOf<Endpoint<number, "on" | "off">>();
    expectTypeOf<Client["arktype"]>().toEqualTypeOf<Endpoint<string, "on" | "off">>();
  });

  it("are written by nobody at the call, whose context is required", () => {
    const endpoints = implement(zodProfiles, {
      async get(request, ctx) {
        expectTypeOf(request).toEqualTypeOf<{ id: string; since: Date; page: number; tags: string[] }>();
        expectTypeOf(ctx).toEqualTypeOf<Context>();
        return { name: request.id, born: request.since.toISOString() };
      },
      ping: async () => undefined,
    });
    expectTypeOf(endpoints).toEqualTypeOf<EndpointsOf<typeof zodProfiles>>();
    const client = connectLocal(zodProfiles, endpoints);
    expectTypeOf(client).toEqualTypeOf<ClientOf<typeof zodProfiles>>();
    expectTypeOf(client.get).parameters.toEqualTypeOf<
      [{ id: string; since: string; page?: number | undefined; tags?: string[] | undefined }, Context]
    >();
    expectTypeOf(client.get).returns.resolves.toEqualTypeOf<{ name: string; born: Date }>();
  });

  it("keep a service's names, and know a method's own description", () => {
    expectTypeOf<keyof typeof zodProfiles.methods>().toEqualTypeOf<"get" | "ping">();
    expectTypeOf(Words.methods.upper).toExtend<Method>();
    expectTypeOf(Words).toExtend<Service>();
  });

  it("narrow a declared error's details by its code, in each validator's words", () => {
    interface NotFound {
      id: string;
      gone: Date;
    }
    type Details<M extends Method, C extends Code> = Extract<DeclaredError<M>, { code: C }>["details"];
    expectTypeOf<Details<typeof zodProfiles.methods.get, "not_found">>().branded.toEqualTypeOf<NotFound>();
    expectTypeOf<Details<typeof valibotProfiles.methods.get, "not_found">>().branded.toEqualTypeOf<NotFound>();
    expectTypeOf<Details<typeof arktypeProfiles.methods.get, "not_found">>().branded.toEqualTypeOf<NotFound>();
    expectTypeOf<DeclaredError<typeof arktypeProfiles.methods.get>["code"]>().toEqualTypeOf<
      "not_found" | "resource_exhausted"
    >();
    expectTypeOf<DeclaredError<typeof arktypeProfiles.methods.ping>>().toBeNever();
  });
});

describe("the compiler refuses", () => {
  it("a method that is no method", () => {
    expectTypeOf(() => {
      // @ts-expect-error a method has a response
      defineService("s", { m: { request: z.string() } });
      // @ts-expect-error a method has a request
      defineService("s", { m: { response: z.string() } });
      // @ts-expect-error a schema is a Standard Schema
      defineService("s", { m: { request: { type: "string" }, response: z.string() } });
      // @ts-expect-error a schema is not a type's name
      defineService("s", { m: { request: "string", response: z.string() } });
      // @ts-expect-error a duration is a number
      defineService("s", { m: { request: z.string(), response: z.string(), timeoutMs: "1s" } });
      // @ts-expect-error a flag is a boolean
      defineService("s", { m: { request: z.string(), response: z.string(), idempotent: "yes" } });
      // @ts-expect-error there are sixteen codes, and this is none
      defineService("s", { m: { request: z.string(), response: z.string(), errors: { missing: z.string() } } });
      // @ts-expect-error a declared error has a schema
      defineService("s", { m: { request: z.string(), response: z.string(), errors: { not_found: true } } });
      // @ts-expect-error a service has a name
      defineService({ m: { request: z.string(), response: z.string() } });
    }).toBeFunction();
  });

  it("handlers that do not fit the contract", () => {
    expectTypeOf(() => {
      // @ts-expect-error each method needs a function
      implement(Words, {});
      // @ts-expect-error a function of no method does nothing
      implement(Words, { upper: async (word) => word, lower: async (word: string) => word });
      // @ts-expect-error an endpoint returns a promise
      implement(Words, { upper: (word) => word });
      // @ts-expect-error the response is a string
      implement(Words, { upper: async (word) => word.length });
      // @ts-expect-error the request is a string
      implement(Words, { upper: async (word: number) => String(word) });
      // @ts-expect-error a member of the request that is not there
      implement(zodProfiles, { get: async ({ name }) => ({ name, born: "" }), ping: async () => undefined });
      // @ts-expect-error a member of the response is missing
      implement(zodProfiles, { get: async ({ id }) => ({ name: id }), ping: async () => undefined });
      // @ts-expect-error wrap makes a middleware, and is none
      implement(Words, { upper: async (word) => word }, (next: Endpoint) => next);
    }).toBeFunction();
  });

  it("a class whose methods do not fit", () => {
    class Wrong {
      async upper(word: number): Promise<string> {
        return String(word);
      }
    }
    expectTypeOf(() => {
      // @ts-expect-error the request is a string
      implement(Words, new Wrong());
    }).toBeFunction();
  });

  it("calls that do not fit the contract", () => {
    const words = {} as ClientOf<typeof Words>;
    const profiles = {} as ClientOf<typeof zodProfiles>;
    expectTypeOf(() => {
      // @ts-expect-error a call says how long it may take
      void words.upper("a");
      // @ts-expect-error the request is a string
      void words.upper(1, background);
      // @ts-expect-error no such method
      void words.lower("a", background);
      // @ts-expect-error a required member is missing
      void profiles.get({ id: "ada" }, background);
      // @ts-expect-error a caller gives the schema's input, which is text
      void profiles.get({ id: "ada", since: new Date() }, background);
      // @ts-expect-error no such member
      void profiles.get({ id: "ada", since: "", pages: 2 }, background);
      // @ts-expect-error a client's methods are not to be replaced
      words.upper = async () => "A";
    }).toBeFunction();
  });

  it("the endpoints of another service", () => {
    const doubles = {} as EndpointsOf<typeof Numbers>;
    expectTypeOf(() => {
      // @ts-expect-error the methods of Numbers are not those of Words
      connectLocal(Words, doubles);
    }).toBeFunction();
    expectTypeOf<EndpointsOf<typeof Numbers>>().not.toExtend<EndpointsOf<typeof Words>>();
    expectTypeOf<ClientOf<typeof Numbers>>().not.toExtend<ClientOf<typeof Words>>();
  });

  it("details that were not declared", () => {
    expectTypeOf((error: unknown) => {
      const failure = declaredError(zodProfiles.methods.get, error);
      // @ts-expect-error which details they are depends on the code
      void failure?.details.id;
      // @ts-expect-error a code that is not declared
      void (failure?.code === "aborted");
      // @ts-expect-error there may be no declared failure
      void failure.code;
      if (failure?.code === "resource_exhausted") {
        expectTypeOf(failure.details.limit).toBeNumber();
        // @ts-expect-error a member of another code's details
        void failure.details.id;
      }
    }).toBeFunction();
  });
});

const inMemory = <S extends Service>(service: S, handlers: EndpointsOf<S>): ClientOf<S> =>
  connectLocal(service, implement(service, handlers));

const labelled = ({ service, name, idempotent }: Method): AnyMiddleware => {
  expectTypeOf(service).toBeString();
  expectTypeOf(name).toBeString();
  expectTypeOf(idempotent).toBeBoolean();
  return (next) => next;
};

describe("what is generic over services", () => {
  it("takes any service, and knows its methods at run time", () => {
    expectTypeOf((service: Service) => Object.keys(service.methods)).toBeCallableWith(zodProfiles);
    expectTypeOf((service: Service) => Object.keys(service.methods)).toBeCallableWith(Words);
  });

  it("keeps a service's types through a function of one's own", () => {
    expectTypeOf(() => inMemory(Words, { upper: async (word) => word })).returns.toEqualTypeOf<
      ClientOf<typeof Words>
    >();
  });

  it("takes methods made without a literal", () => {
    const specs: Record<string, MethodSpec> = { m: { request: z.string(), response: z.string() } };
    expectTypeOf(defineService("s", specs).methods).toExtend<Readonly<Record<string, Method>>>();
  });

  it("takes a method's description for any middleware", () => {
    expectTypeOf(() => implement(Words, { upper: async (word) => word }, labelled)).returns.toEqualTypeOf<
      EndpointsOf<typeof Words>
    >();
  });
});
