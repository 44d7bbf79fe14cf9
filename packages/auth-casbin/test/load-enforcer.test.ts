import { type Adapter, Helper, type Model } from "casbin";
import * as fc from "fast-check";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CasbinText, type LoadedEnforcer, loadEnforcer, type LoadEnforcerOptions } from "../src/index.ts";
import { example } from "./examples.ts";

vi.setConfig({ testTimeout: 60_000 });

/** For what comes by itself, however busy the machine is. */
const patience = { interval: 1, timeout: 30_000 };

const roles = { text: modelOf("g = _, _", "some(where (p.eft == allow))", "g(r.sub, p.sub) && r.obj == p.obj") };
const aliceReads = "p, alice, data1\n";

function modelOf(role: string, effect: string, matcher: string): string {
  return `
[request_definition]
r = sub, obj
[policy_definition]
p = sub, obj
[role_definition]
${role}
[policy_effect]
e = ${effect}
[matchers]
m = ${matcher}
`;
}

/** Rules in memory, and what goes wrong with them. */
class Rules implements Adapter {
  text: string;
  before: () => Promise<void> = async () => {};
  loads = 0;
  constructor(text: string) {
    this.text = text;
  }
  async loadPolicy(model: Model): Promise<void> {
    this.loads += 1;
    const { text } = this;
    await this.before();
    for (const line of text.split("\n")) Helper.loadPolicyLine(line, model);
  }
  /** Has loads that begin from now on wait, those that begin after it is opened not. */
  hold(): () => void {
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.before = () => opened;
    return open;
  }
  savePolicy = (): Promise<boolean> => Promise.reject(new Error("read only"));
  addPolicy = (): Promise<void> => Promise.reject(new Error("read only"));
  removePolicy = (): Promise<void> => Promise.reject(new Error("read only"));
  removeFilteredPolicy = (): Promise<void> => Promise.reject(new Error("read only"));
}

const who = async (enforcer: LoadedEnforcer, ...names: string[]): Promise<string[]> => {
  const allowed = await Promise.all(names.map((name) => enforcer.enforce(name, "data1")));
  return names.filter((_, n) => allowed[n]);
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "auth-casbin-"));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true });
});

describe("loadEnforcer", () => {
  it("takes model and policy as files, as text, and from an adapter", async () => {
    const file = join(directory, "policy.csv");
    await writeFile(file, aliceReads);
    const model = join(directory, "model.conf");
    await writeFile(model, roles.text);
    const options: LoadEnforcerOptions[] = [
      { model: { file: model }, policy: { file } },
      { model: roles, policy: { text: aliceReads } },
      { model: roles, policy: new Rules(aliceReads) },
    ];
    for (const option of options) expect(await who(await loadEnforcer(option), "alice", "bob")).toEqual(["alice"]);
  });

  it("is made once for all calls", async () => {
    const rules = new Rules(aliceReads);
    const enforcer = await loadEnforcer({ model: roles, policy: rules });
    for (let n = 0; n < 10; n++) await enforcer.enforce("alice", "data1");
    expect(rules.loads).toBe(1);
  });

  it("changes all its rules at once when it is reloaded", async () => {
    const file = join(directory, "policy.csv");
    await writeFile(file, aliceReads);
    const enforcer = await loadEnforcer({ model: roles, policy: { file } });
    const before = enforcer.current;
    await writeFile(`${file}.new`, "p, reader, data1\ng, bob, reader\n");
    await rename(`${file}.new`, file);
    expect(await who(enforcer, "alice", "bob")).toEqual(["alice"]);
    await enforcer.reload();
    expect(await who(enforcer, "alice", "bob")).toEqual(["bob"]);
    expect(enforcer.current).not.toBe(before);
  });

  it("decides by the old rules, all of them, while it reloads", async () => {
    const rules = new Rules(aliceReads);
    const enforcer = await loadEnforcer({ model: roles, policy: rules });
    const open = rules.hold();
    rules.text = "p, bob, data1\n";
    const reloaded = enforcer.reload();
    await vi.waitUntil(() => rules.loads === 2, patience);
    expect(await who(enforcer, "alice", "bob")).toEqual(["alice"]);
    open();
    await reloaded;
    expect(await who(enforcer, "alice", "bob")).toEqual(["bob"]);
  });

  it("reads once more for reloads that are asked for during one, since that may have missed what they are for", async () => {
    const rules = new Rules(aliceReads);
    const enforcer = await loadEnforcer({ model: roles, policy: rules });
    const open = rules.hold();
    rules.text = "p, bob, data1\n";
    const first = enforcer.reload();
    await vi.waitUntil(() => rules.loads === 2, patience);
    rules.text = "p, carol, data1\n";
    const more = [enforcer.reload(), enforcer.reload()];
    open();
    await Promise.all([first, ...more]);
    expect(rules.loads).toBe(3);
    expect(await who(enforcer, "alice", "bob", "carol")).toEqual(["carol"]);
  });

  it("goes on to the next reload when the one before it fails", async () => {
    const rules = new Rules(aliceReads);
    const enforcer = await loadEnforcer({ model: roles, policy: rules });
    const open = rules.hold();
    rules.text = "p, short\n";
    const first = enforcer.reload();
    await vi.waitUntil(() => rules.loads === 2, patience);
    rules.text = "p, bob, data1\n";
    const second = enforcer.reload();
    open();
    await expect(first).rejects.toThrow("must have 2 values");
    await second;
    expect(await who(enforcer, "alice", "bob")).toEqual(["bob"]);
  });

  it.each<[string, string, string]>([
    ["is empty", "", "Invalid policy"],
    ["is all comments", "# nothing\n", "the policy has no rules"],
    ["is something else", "<html>Not found</html>\n", "the policy has no rules"],
    ["ends in the middle of a rule", "p, bob, data1\np, carol", 'the rule "p, carol" must have 2 values'],
    ["has a word too many in a rule", "p, bob, data1, deny", 'the rule "p, bob, data1, deny" must have 2 values'],
    ["ends in the middle of a role", "p, bob, data1\ng, carol", 'the rule "g, carol" must have 2 values'],
    ["has a bracket too many", "p, bob, (data1", "Unmatched brackets"],
    ["has a quote too many", 'p, "bob" x, data1', "Quote"],
  ])("keeps the last good rules when the policy %s, and says what is wrong", async (_what, text, message) => {
    const file = join(directory, "policy.csv");
    await writeFile(file, aliceReads);
    const enforcer = await loadEnforcer({ model: roles, policy: { file } });
    await writeFile(file, text);
    await expect(enforcer.reload()).rejects.toThrow(message);
    expect(await who(enforcer, "alice", "bob", "carol")).toEqual(["alice"]);
    await writeFile(file, "p, bob, data1");
    await enforcer.reload();
    expect(await who(enforcer, "alice", "bob")).toEqual(["bob"]);
  });

  it("keeps the last good rules when a file is gone, the model is broken, or the adapter fails", async () => {
    const file = join(directory, "model.conf");
    await writeFile(file, roles.text);
    const rules = new Rules(aliceReads);
    const enforcer = await loadEnforcer({ model: { file }, policy: rules });
    await writeFile(file, "[matchers]\nm = true\n");
    await expect(enforcer.reload()).rejects.toThrow("missing required sections");
    await rm(file);
    await expect(enforcer.reload()).rejects.toMatchObject({ code: "ENOENT" });
    await writeFile(file, roles.text);
    rules.before = () => Promise.reject(new Error("no database"));
    await expect(enforcer.reload()).rejects.toThrow("no database");
    expect(await who(enforcer, "alice", "bob")).toEqual(["alice"]);
  });

  it("does not open all doors of a model that denies by rule when its rules are lost", async () => {
    const model = { text: modelOf("g = _, _", "!some(where (p.eft == deny))", "r.sub == p.sub") };
    await expect(loadEnforcer({ model, policy: { text: "# cut off" } })).rejects.toThrow("the policy has no rules");
  });

  it("believes an adapter that there are no rules, and then allows nothing", async () => {
    const rules = new Rules(aliceReads);
    const enforcer = await loadEnforcer({ model: roles, policy: rules });
    rules.text = "";
    await enforcer.reload();
    expect(await who(enforcer, "alice", "bob")).toEqual([]);
  });

  it("has the last good rules after whatever reloads, good and broken", async () => {
    const names = ["alice", "bob", "carol", "dave"];
    const rule = fc.oneof(
      fc.constantFrom(...names).map((name) => ({ allows: [name], line: `p, ${name}, data1` })),
      fc.constantFrom(...names).map((name) => ({ allows: [name], line: `p, r${name}, data1\ng, ${name}, r${name}` })),
      fc.constantFrom(...names).map((name) => ({ allows: [] as string[], line: `p, ${name}, data2` })),
      fc.constantFrom("p, alice", "g, alice", "p, alice, (data1").map((line) => ({ allows: undefined, line })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(rule, { minLength: 1, maxLength: 5 }), { maxLength: 5 }), async (versions) => {
        const rules = new Rules(aliceReads);
        const enforcer = await loadEnforcer({ model: roles, policy: rules });
        let expected = ["alice"];
        for (const version of versions) {
          rules.text = version.map(({ line }) => line).join("\n");
          const good = version.every(({ allows }) => allows !== undefined);
          if (good) expected = names.filter((name) => version.some(({ allows }) => allows?.includes(name)));
          const reloaded = await enforcer.reload().then(
            () => true,
            () => false,
          );
          expect(reloaded).toBe(good);
          expect(await who(enforcer, ...names)).toEqual(expected);
        }
      }),
    );
  });

  it("finishes each enforcer that it makes", async () => {
    const model = { text: modelOf("g = _, _", "some(where (p.eft == allow))", "same(r.sub, p.sub)") };
    const configure = vi.fn<NonNullable<LoadEnforcerOptions["configure"]>>(async (enforcer) => {
      await enforcer.addFunction("same", (a: string, b: string) => a.toLowerCase() === b);
    });
    const enforcer = await loadEnforcer({ model, policy: { text: aliceReads }, configure });
    expect(await who(enforcer, "ALICE", "BOB")).toEqual(["ALICE"]);
    await enforcer.reload();
    expect(await who(enforcer, "ALICE", "BOB")).toEqual(["ALICE"]);
    expect(configure).toHaveBeenCalledTimes(2);
  });

  it("gives access to casbin's own enforcer", async () => {
    const enforcer = await loadEnforcer({ model: roles, policy: { text: "p, reader, data1\ng, bob, reader" } });
    expect(await enforcer.current.getRolesForUser("bob")).toEqual(["reader"]);
  });
});

describe("the interval", () => {
  it("reloads, reports what is broken, goes on, and ends when closed", async () => {
    vi.useFakeTimers();
    const rules = new Rules(aliceReads);
    const onError = vi.fn<(error: unknown) => void>();
    const enforcer = await loadEnforcer({ model: roles, policy: rules, reloadIntervalMs: 1_000, onError });
    rules.text = "p, bob, data1\n";
    await vi.advanceTimersByTimeAsync(999);
    expect(rules.loads).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await who(enforcer, "alice", "bob")).toEqual(["bob"]);
    rules.text = "p, alice\n";
    await vi.advanceTimersByTimeAsync(1_000);
    expect(onError.mock.calls).toEqual([
      [expect.objectContaining({ message: 'the rule "p, alice" must have 2 values' })],
    ]);
    expect(await who(enforcer, "alice", "bob")).toEqual(["bob"]);
    rules.text = aliceReads;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await who(enforcer, "alice", "bob")).toEqual(["alice"]);
    enforcer.close();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(rules.loads).toBe(4);
  });

  it("does not pile up behind a reload that hangs, and says so", async () => {
    vi.useFakeTimers();
    const rules = new Rules(aliceReads);
    const onError = vi.fn<(error: unknown) => void>();
    using enforcer = await loadEnforcer({ model: roles, policy: rules, reloadIntervalMs: 1_000, onError });
    rules.before = () => new Promise(() => {});
    await vi.advanceTimersByTimeAsync(3_000);
    expect(rules.loads).toBe(2);
    expect(onError).toHaveBeenCalledTimes(2);
    expect(onError.mock.lastCall?.[0]).toMatchObject({ message: "the last reload is still under way" });
    expect(await who(enforcer, "alice", "bob")).toEqual(["alice"]);
  });

  it("survives a failure that nobody hears, and a hook that throws", async () => {
    vi.useFakeTimers();
    const hooks: LoadEnforcerOptions["onError"][] = [
      undefined,
      () => {
        throw new Error("hook");
      },
    ];
    for (const onError of hooks) {
      const rules = new Rules(aliceReads);
      const options = { model: roles, policy: rules, reloadIntervalMs: 1_000, ...(onError && { onError }) };
      using enforcer = await loadEnforcer(options);
      rules.text = "p, alice\n";
      await vi.advanceTimersByTimeAsync(2_000);
      expect(rules.loads).toBe(3);
      expect(await who(enforcer, "alice")).toEqual(["alice"]);
    }
  });
});

describe("options", () => {
  it.each<[Partial<LoadEnforcerOptions>, string]>([
    [{ model: undefined as never }, "model must have a file or a text"],
    [{ model: "model.conf" as unknown as CasbinText }, "model must have a file or a text"],
    [{ policy: {} as CasbinText }, "policy must have a file or a text"],
    [{ reloadIntervalMs: 0 }, "reloadIntervalMs must be a positive number below 2^31, got 0"],
    [{ reloadIntervalMs: 2 ** 31 }, "reloadIntervalMs must be a positive number below 2^31, got 2147483648"],
  ])("%o is refused by name", async (options, message) => {
    const loading = loadEnforcer({ model: example("basic_model.conf"), ...options });
    await expect(loading).rejects.toThrow(new TypeError(`loadEnforcer: ${message}`));
  });
});
