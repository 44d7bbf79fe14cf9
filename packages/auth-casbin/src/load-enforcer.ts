import { type Adapter, type Enforcer, type Model, newEnforcer, newModelFromString, StringAdapter } from "casbin";
import { readFile } from "node:fs/promises";
import type { CasbinEnforcer } from "./enforcer.ts";

/** Text in casbin's format, or the path of the file that has it, read anew at each reload. */
export type CasbinText = { readonly file: string } | { readonly text: string };

export interface LoadEnforcerOptions {
  readonly model: CasbinText;
  /** The rules as CSV, or an adapter that loads them; an adapter stays its maker's. @default none, for models that need no rules */
  readonly policy?: CasbinText | Adapter;
  /** Finishes an enforcer that was made: functions for matchers, role managers. It runs at each reload, as that makes a new one. @default nothing to do */
  readonly configure?: (enforcer: Enforcer) => void | Promise<void>;
  /** How often everything is reloaded, in ms. @default never: call `reload`, from a casbin watcher for instance */
  readonly reloadIntervalMs?: number;
  /** Hears of each reload by the interval that failed. @default nobody hears */
  readonly onError?: (error: unknown) => void;
}

/** An enforcer that changes its model and policy whole, or not at all. */
export interface LoadedEnforcer extends CasbinEnforcer, Disposable {
  /** Casbin's own, until the next reload. What is changed in it is lost then. */
  readonly current: Enforcer;
  /**
   * Reads everything anew and puts it in place at once; calls that are being decided are decided by the old rules. One that is asked for while another is
   * under way begins after it, so it sees what was written before it was asked for.
   *
   * @throws what reading, casbin or `configure` fails with; then the last good rules stay.
   */
  reload(): Promise<void>;
  /** Ends the reloads by the interval. */
  close(): void;
}

/**
 * Makes an enforcer, once for all calls: go-kit makes one for each. Resolves when its rules are there.
 *
 * More than casbin does, a rule of the wrong length is an error, as is a text without any rule: half a file must neither take all rights away nor, in a
 * model that denies by rule, give them to everybody.
 *
 * @throws {TypeError} for an option that makes no sense.
 * @throws what reading, casbin or `configure` fails with.
 * @example
 * const enforcer = await loadEnforcer({ model: { file: "model.conf" }, policy: { file: "policy.csv" }, reloadIntervalMs: 10_000 });
 * @see https://casbin.org/docs/model-storage
 */
export async function loadEnforcer(options: LoadEnforcerOptions): Promise<LoadedEnforcer> {
  const { reloadIntervalMs, onError } = options;
  if (reloadIntervalMs !== undefined && !(reloadIntervalMs > 0 && reloadIntervalMs < 2 ** 31)) {
    throw new TypeError(`loadEnforcer: reloadIntervalMs must be a positive number below 2^31, got ${reloadIntervalMs}`);
  }
  checkSource("model", options.model);
  if (options.policy !== undefined && !isAdapter(options.policy)) checkSource("policy", options.policy);
  let current = await load(options);
  let running: Promise<void> | undefined;
  let following: Promise<void> | undefined;

  function reload(): Promise<void> {
    if (running === undefined) {
      running = load(options)
        .then((made) => void (current = made))
        .finally(() => (running = undefined));
      return running;
    }
    const again = (): Promise<void> => {
      following = undefined;
      return reload();
    };
    return (following ??= running.then(again, again));
  }

  const timer = reloadIntervalMs === undefined ? undefined : setInterval(tick, reloadIntervalMs).unref();
  function tick(): void {
    const next = running === undefined ? reload() : Promise.reject(new Error("the last reload is still under way"));
    next
      .catch((error: unknown) => onError?.(error))
      .catch(() => {
        // A hook that fails is no reason to end the process.
      });
  }

  function close(): void {
    clearInterval(timer);
  }

  return {
    get current() {
      return current;
    },
    enforce: (...values) => current.enforce(...values),
    reload,
    close,
    [Symbol.dispose]: close,
  };
}

function checkSource(name: string, source: CasbinText): void {
  const { file, text } = (source ?? {}) as { readonly file?: unknown; readonly text?: unknown };
  if (typeof file !== "string" && typeof text !== "string") {
    throw new TypeError(`loadEnforcer: ${name} must have a file or a text`);
  }
}

async function load({ model, policy, configure }: LoadEnforcerOptions): Promise<Enforcer> {
  const rules = newModelFromString(await textOf(model));
  const enforcer = await newEnforcer(rules, ...(policy === undefined ? [] : [await adapterOf(policy)]));
  checkRules(rules, policy !== undefined && !isAdapter(policy));
  await configure?.(enforcer);
  return enforcer;
}

function isAdapter(policy: CasbinText | Adapter): policy is Adapter {
  return typeof (policy as Partial<Adapter> | null)?.loadPolicy === "function";
}

async function adapterOf(policy: CasbinText | Adapter): Promise<Adapter> {
  return isAdapter(policy) ? policy : new StringAdapter(await textOf(policy));
}

function textOf(source: CasbinText): string | Promise<string> {
  return "text" in source ? source.text : readFile(source.file, "utf8");
}

function checkRules(model: Model, some: boolean): void {
  const sections = (name: string): [string, { policy: string[][]; tokens: string[]; value: string }][] => [
    ...(model.model.get(name) ?? []),
  ];
  const permissions = sections("p");
  for (const [name, { policy, tokens }] of permissions) {
    const odd = policy.find(({ length }) => length !== tokens.length);
    if (odd !== undefined) throw new Error(`the rule "${name}, ${odd.join(", ")}" must have ${tokens.length} values`);
  }
  for (const [name, { policy, value }] of sections("g")) {
    const least = value.split("_").length - 1;
    const odd = policy.find(({ length }) => length < least);
    if (odd !== undefined) throw new Error(`the rule "${name}, ${odd.join(", ")}" must have ${least} values`);
  }
  if (some && permissions.every(([, { policy }]) => policy.length === 0)) throw new Error("the policy has no rules");
}
