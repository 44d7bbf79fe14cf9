import { contextKey, type ContextKey } from "@kit/endpoint";

/**
 * Which attempt at its call this is, counted from 1, as {@link retry} counts them. It crosses every wire, so that a server can tell
 * repeated work from new. A first attempt carries none, unless it has to hide the number of a call it belongs to.
 */
export const attempt: ContextKey<number> = contextKey("attempt", {
  carry: {
    encode: String,
    decode: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined),
  },
});
