import { type Context, contextKey, KitError } from "@kit/endpoint";
import type { HeaderReader, HeaderWriter } from "@kit/transport";
import { createHmac, timingSafeEqual } from "node:crypto";

/** What goes along with a call: a token and a span. */
export interface Identity {
  readonly user: string;
  readonly trace: string;
  readonly span: string;
  readonly parent: string;
  readonly sampled: string;
}

/** What Go's programs sign with, see `go/identity.go`. */
const jwtKey = "test_signing_key";

const sent = contextKey<Readonly<Record<string, string>>>("@test/sent");
const received = contextKey<Readonly<Record<string, string>>>("@test/received");

/** A context whose calls take the identity along where {@link writeIdentity} is among the client's `before`. */
export function withIdentity(ctx: Context, { user, trace, span, parent, sampled }: Identity): Context {
  return ctx.with(sent, {
    authorization: `Bearer ${signed({ user })}`,
    "x-b3-traceid": trace,
    "x-b3-spanid": span,
    "x-b3-parentspanid": parent,
    "x-b3-sampled": sampled,
  });
}

/** For a client's `before`. */
export function writeIdentity(ctx: Context, message: HeaderWriter): void {
  Object.assign(message.headers, ctx.get(sent));
}

const names = ["authorization", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled"];

/** For a server's `before`. */
export function readIdentity(ctx: Context, message: HeaderReader): Context {
  return ctx.with(received, Object.fromEntries(names.map((name) => [name, message.header(name) ?? ""])));
}

/** What the caller has sent. @throws {KitError} `unauthenticated` for a token that is none of ours. */
export function identityOf(ctx: Context): Identity {
  const headers = ctx.get(received)!;
  const { user } = verified(headers["authorization"]!.replace(/^Bearer /, ""));
  return {
    user,
    trace: headers["x-b3-traceid"]!,
    span: headers["x-b3-spanid"]!,
    parent: headers["x-b3-parentspanid"]!,
    sampled: headers["x-b3-sampled"]!,
  };
}

// A JSON web token by hand, since no library should stand between Go's bytes and the test.

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const signature = (content: string): Buffer => createHmac("sha256", jwtKey).update(content).digest();

function signed(claims: object): string {
  const content = `${encoded({ alg: "HS256", kid: "kid", typ: "JWT" })}.${encoded(claims)}`;
  return `${content}.${signature(content).toString("base64url")}`;
}

function verified(token: string): { user: string } {
  const [header = "", claims = "", theirs = ""] = token.split(".");
  const ours = signature(`${header}.${claims}`);
  const bytes = Buffer.from(theirs, "base64url");
  if (bytes.length !== ours.length || !timingSafeEqual(bytes, ours)) {
    throw new KitError("unauthenticated", "the token is not ours");
  }
  return JSON.parse(Buffer.from(claims, "base64url").toString());
}
