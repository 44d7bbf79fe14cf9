/** Text for a wire, and back. */
export interface Codec<T> {
  /** Any string: what a wire cannot hold is escaped on the way. */
  encode(value: T): string;
  /** What comes in is a stranger's: return `undefined`, or throw, for what makes no sense, and the value counts as absent. */
  decode(text: string): T | undefined;
}

/** Names a typed value in a `Context`. Made by {@link contextKey}. */
export interface ContextKey<T> {
  readonly name: string;
  /** `Symbol.for` of the name: what identifies the key, also in another copy of this package. */
  readonly id: symbol;
  readonly carry: Codec<T> | undefined;
}

/** Every carried key declared in this process, by name: what `inject` sends. Shared by all copies of this package. */
export const carriedKeys: Map<string, ContextKey<any>> = ((globalThis as Record<symbol, any>)[
  Symbol.for("@kit/endpoint/carriedKeys")
] ??= new Map());

/**
 * Declares a key for a value in the context. Two keys of one name are one key, wherever they are declared, so put the package's
 * name before it: `contextKey<User>("@acme/auth/user")`.
 *
 * With `carry` the value crosses every wire to peers that declare the same key: `contextKey("tenant", { carry: text })`. The name is
 * then a header's: lower-case letters, digits and dashes. Declare such keys once, at the top of a module.
 *
 * @throws {TypeError} when a carried key's name cannot be a header.
 */
export function contextKey<T>(name: string, options?: { readonly carry: Codec<T> }): ContextKey<T> {
  const key: ContextKey<T> = { name, id: Symbol.for(`@kit/context/${name}`), carry: options?.carry };
  if (key.carry !== undefined) {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) {
      throw new TypeError(`contextKey: "${name}" cannot be a header`);
    }
    carriedKeys.set(name, key);
  }
  return key;
}

/** Carries a string as it is. */
export const text: Codec<string> = { encode: (value) => value, decode: (value) => value };
