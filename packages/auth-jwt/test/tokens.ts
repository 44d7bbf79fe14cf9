import { background, type Context, type Endpoint } from "@kit/endpoint";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { jwtClaims, type JwtClaims, jwtParser, type JwtParserOptions, jwtToken } from "../src/index.ts";

/** go-kit's test key. */
export const secret: Uint8Array = Buffer.from("test_signing_key");

/** What go-kit signs of `{"user":"go-kit"}` with that key; HS256, kid `kid`. */
export const mapToken =
  "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZCIsInR5cCI6IkpXVCJ9.eyJ1c2VyIjoiZ28ta2l0In0.14M2VmYyApdSlV_LZ88ajjwuaLeIFplB8JpyNy0A19E";

export const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });

const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A token made by hand, so that it can say what no library would. */
export function handmade(
  header: object,
  claims: unknown,
  sign: (input: string) => string = (input) => createHmac("sha256", secret).update(input).digest("base64url"),
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign(input)}`;
}

/** Calls an endpoint behind a parser, and tells what claims it saw. */
export function parse(
  options: Partial<JwtParserOptions<any>>,
  token?: string,
  ctx: Context = background,
): Promise<JwtClaims | undefined> {
  const endpoint: Endpoint<unknown, JwtClaims | undefined> = async (_request, inner) => inner.get(jwtClaims);
  const parser = jwtParser({ key: secret, algorithms: ["HS256"], ...options });
  return parser(endpoint)({}, token === undefined ? ctx : ctx.with(jwtToken, token));
}

/** The error of a call that must fail. */
export function errorOf(call: Promise<unknown>): Promise<any> {
  return call.then(
    (value) => {
      throw new Error(`not refused: ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
