import { background, chain, contextKey, type Endpoint, KitError } from "@kit/endpoint";
import { Enforcer, FileAdapter, newEnforcer, newModel } from "casbin";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  casbinAuthorizer,
  type CasbinAuthorizerOptions,
  type CasbinEnforcer,
  casbinEnforcer,
  loadEnforcer,
} from "../src/index.ts";
import { example } from "./examples.ts";

const refused = { name: "KitError", code: "permission_denied", message: "Unauthorized Access" };
const claims = contextKey<{ readonly sub?: string; readonly tenant?: string; readonly age?: number }>("test/claims");

/** What a call comes to: "allowed", or the error. */
function call(options: CasbinAuthorizerOptions, request: unknown = {}, ctx = background): Promise<unknown> {
  const endpoint = casbinAuthorizer(options)(async () => "allowed");
  return endpoint(request, ctx).catch((error: unknown) => error);
}

const basic = () => loadEnforcer({ model: example("basic_model.conf"), policy: example("basic_policy.csv") });

describe("casbinAuthorizer", () => {
  it("allows and refuses by a model and an adapter, as go-kit's TestStructBaseContext, and hands on the enforcer", async () => {
    const model = newModel();
    model.addDef("r", "r", "sub, obj, act");
    model.addDef("p", "p", "sub, obj, act");
    model.addDef("e", "e", "some(where (p.eft == allow))");
    model.addDef("m", "m", "r.sub == p.sub && keyMatch(r.obj, p.obj) && regexMatch(r.act, p.act)");
    const enforcer = await newEnforcer(model, new FileAdapter(example("keymatch_policy.csv").file));
    const alice = { enforcer, subject: "alice" };
    const inner = casbinAuthorizer({ ...alice, object: "/alice_data/resource1", action: "GET" });
    const seen = await inner(async (_request: unknown, ctx) => ctx.get(casbinEnforcer))({}, background);
    expect(seen).toBe(enforcer);
    expect(seen).toBeInstanceOf(Enforcer);
    expect(await call({ ...alice, object: "/alice_data/resource2", action: "POST" })).toMatchObject(refused);
  });

  it("allows by files, as go-kit's TestFileBaseContext", async () => {
    const enforcer = await basic();
    expect(await call({ enforcer, subject: "alice", object: "data1", action: "read" })).toBe("allowed");
  });

  it("takes subject, object and action from claims and request, at once or in their own time", async () => {
    const options: CasbinAuthorizerOptions = {
      enforcer: await basic(),
      subject: (_request, ctx) => ctx.get(claims)?.sub,
      object: async (request: { name: string }) => request.name,
      action: "read",
    };
    const alice = background.with(claims, { sub: "alice" });
    const bob = background.with(claims, { sub: "bob" });
    expect(await call(options, { name: "data1" }, alice)).toBe("allowed");
    expect(await call(options, { name: "data2" }, alice)).toMatchObject(refused);
    expect(await call(options, { name: "data1" }, bob)).toMatchObject(refused);
    expect(await call(options, { name: "data1" })).toMatchObject(refused);
  });

  it("gives roles their rights (RBAC)", async () => {
    const enforcer = await loadEnforcer({ model: example("rbac_model.conf"), policy: example("rbac_policy.csv") });
    const read = { enforcer, object: "data2", action: "read" };
    expect(await call({ ...read, subject: "alice" })).toBe("allowed");
    expect(await call({ ...read, subject: "bob" })).toMatchObject(refused);
    expect(await call({ ...read, subject: "data2_admin" })).toBe("allowed");
  });

  it("keeps domains apart", async () => {
    const options = {
      enforcer: await loadEnforcer({
        model: example("rbac_with_domains_model.conf"),
        policy: example("rbac_with_domains_policy.csv"),
      }),
      subject: "alice",
      domain: (_request: unknown, ctx: typeof background) => ctx.get(claims)?.tenant,
      action: "read",
    };
    const inDomain = (tenant?: string) => background.with(claims, tenant === undefined ? {} : { tenant });
    expect(await call({ ...options, object: "data1" }, {}, inDomain("domain1"))).toBe("allowed");
    expect(await call({ ...options, object: "data1" }, {}, inDomain("domain2"))).toMatchObject(refused);
    expect(await call({ ...options, object: "data2" }, {}, inDomain("domain1"))).toMatchObject(refused);
    expect(await call({ ...options, object: "data1" }, {}, inDomain())).toMatchObject(refused);
  });

  it("decides by attributes (ABAC), of the subject by rules in the policy and of the object", async () => {
    const byAge = await loadEnforcer({
      model: example("abac_rule_model.conf"),
      policy: example("abac_rule_policy.csv"),
    });
    const subject: CasbinAuthorizerOptions["subject"] = (_request, ctx) => ({ Age: ctx.get(claims)?.age });
    const aged = (age: number) => background.with(claims, { age });
    const read = { enforcer: byAge, subject, object: "/data1", action: "read" };
    expect(await call(read, {}, aged(20))).toBe("allowed");
    expect(await call(read, {}, aged(18))).toMatchObject(refused);
    const byOwner = await loadEnforcer({ model: example("abac_model.conf") });
    const owned = { enforcer: byOwner, subject: "alice", object: (request: object) => request, action: "read" };
    expect(await call(owned, { Owner: "alice" })).toBe("allowed");
    expect(await call(owned, { Owner: "bob" })).toMatchObject(refused);
  });

  it.each([undefined, null, ""])("refuses a call whose subject is %j without asking", async (nobody) => {
    const enforce = vi.fn<CasbinEnforcer["enforce"]>(async () => true);
    const all = { enforcer: { enforce }, subject: "a", domain: "b", object: "c", action: "d" };
    for (const name of ["subject", "domain", "object", "action"]) {
      expect(await call({ ...all, [name]: () => nobody })).toMatchObject(refused);
    }
    expect(enforce).not.toHaveBeenCalled();
    expect(await call(all)).toBe("allowed");
    expect(enforce.mock.calls).toEqual([["a", "b", "c", "d"]]);
  });

  it.each(["__proto__", "constructor", "toString", "alice, data1, read", "alice\np, alice", "*", ".*", "r.sub"])(
    "gives nothing to a subject, an object or an action that is called %j",
    async (name) => {
      const enforcer = await loadEnforcer({ model: example("rbac_model.conf"), policy: example("rbac_policy.csv") });
      const alice = { enforcer, subject: "alice", object: "data1", action: "read" };
      for (const part of ["subject", "object", "action"]) {
        expect(await call({ ...alice, [part]: () => name })).toMatchObject(refused);
      }
    },
  );

  it("tells the caller nothing when casbin cannot decide, and does not call the endpoint", async () => {
    const enforcer = await basic();
    const wrongArity = { enforcer, subject: "alice", domain: "d", object: "data1", action: "read" };
    const error = (await call(wrongArity)) as KitError;
    expect(error).toMatchObject({ code: "internal", message: "authorization failed" });
    expect((error.cause as Error).message).toContain("invalid request size");
  });

  it("hands on a KitError of the enforcer, and whatever the functions throw", async () => {
    const away = new KitError("unavailable", "the decision point is away");
    const broken = new Error("no claims");
    const named = { subject: "a", object: "b", action: "c" };
    expect(await call({ ...named, enforcer: { enforce: () => Promise.reject(away) } })).toBe(away);
    const subject = (): never => {
      throw broken;
    };
    expect(await call({ ...named, enforcer: await basic(), subject })).toBe(broken);
  });

  it("does not call the endpoint for a call that is refused or has ended meanwhile, and captures no stack", async () => {
    const endpoint = vi.fn<Endpoint>(async () => {});
    const named = { subject: "a", object: "b", action: "c" };
    const no = casbinAuthorizer({ ...named, enforcer: { enforce: async () => false } })(endpoint);
    const error = await no({}, background).catch((e: unknown) => e);
    expect((error as Error).stack).not.toContain(" at ");
    const ctx = background.withCancel();
    const cause = new KitError("canceled", "the caller left");
    const enforce = async (): Promise<boolean> => {
      ctx.cancel(cause);
      return true;
    };
    await expect(casbinAuthorizer({ ...named, enforcer: { enforce } })(endpoint)({}, ctx)).rejects.toBe(cause);
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("takes whatever decides, such as casbin's synchronous way", async () => {
    const { current } = await basic();
    const enforcer: CasbinEnforcer = { enforce: async (...values) => current.enforceSync(...values) };
    expect(await call({ enforcer, subject: "alice", object: "data1", action: "read" })).toBe("allowed");
    expect(await call({ enforcer, subject: "alice", object: "data2", action: "read" })).toMatchObject(refused);
  });

  it("keeps the endpoint's types in a chain", async () => {
    const greet = async ({ name }: { name: string }): Promise<string> => `hello ${name}`;
    const wrap = chain(casbinAuthorizer({ enforcer: await basic(), subject: "a", object: "b", action: "c" }));
    expectTypeOf(wrap(greet)).toEqualTypeOf<Endpoint<{ name: string }, string>>();
  });

  it.each([
    [{ enforcer: {} as CasbinEnforcer }, "enforcer must have enforce()"],
    [{ enforcer: undefined as never }, "enforcer must have enforce()"],
    [{ subject: "" }, "subject must not be empty"],
    [{ domain: "" }, "domain must not be empty"],
    [{ action: undefined as never }, "action must not be empty"],
  ])("refuses %o by name", async (options, message) => {
    const all = { enforcer: await basic(), subject: "a", object: "b", action: "c", ...options };
    expect(() => casbinAuthorizer(all)).toThrow(new TypeError(`casbinAuthorizer: ${message}`));
  });
});
