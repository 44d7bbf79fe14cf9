import type { Context } from "@kit/endpoint";
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { checkCredentials, normal } from "./credentials.ts";

/**
 * A verifier for users that are known beforehand. What it keeps are digests; each check is one comparison in constant time, of user and password together,
 * so how long it takes does not tell how much of either was right.
 *
 * Made for services that call each other, with long random passwords. People choose passwords that can be guessed: keep theirs by scrypt or argon2, and verify
 * with a function of your own.
 *
 * @param passwords - by user.
 * @throws {TypeError} for a user with a colon, and for control characters.
 * @see go-kit auth/basic, AuthMiddleware
 */
export function knownUsers(
  passwords: Readonly<Record<string, string>>,
): (user: string, password: string, ctx: Context) => boolean {
  const known = new Map<string, Buffer>();
  for (const [user, password] of Object.entries(passwords)) {
    checkCredentials("knownUsers", { user, password });
    known.set(normal(user), digestOf(normal(user), normal(password)));
  }
  // Nobody's digest: a stranger's check does the same work.
  const nobody = randomBytes(64);
  return (user, password) => timingSafeEqual(known.get(user) ?? nobody, digestOf(user, password));
}

/** Both at one length, whatever theirs are, so that one comparison does for the two. */
function digestOf(user: string, password: string): Buffer {
  return Buffer.concat([hash("sha256", user, "buffer"), hash("sha256", password, "buffer")]);
}
