import { type Context, contextKey, type ContextKey } from "@kit/endpoint";

/** As `@kit/lb` counts them and has them cross the wires. It is read here, and not declared as carried: who traces need not send it. */
const attempt: ContextKey<number> = {
  ...contextKey<number>("attempt"),
  carry: { encode: String, decode: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined) },
};

/** Which attempt at its call this is, from 2 on, on either side of the wire; of a first one nothing needs to be told. */
export function attemptOf(ctx: Context): number | undefined {
  const count = ctx.get(attempt);
  return count !== undefined && count > 1 ? count : undefined;
}
