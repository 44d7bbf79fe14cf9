// The middlewares.
export { jwtParser, type JwtParserOptions, type TypedClaims } from "./parser.ts";
export { jwtSigner, type JwtSignerOptions } from "./signer.ts";
export { type JwtClaims, jwtClaims } from "./claims.ts";

// Keys.
export type { JwtAlgorithm } from "./algorithm.ts";
export type { JwtHeader, JwtKey, JwtKeyFinder, JwtKeySet } from "./key.ts";
export { remoteJwks, type RemoteJwksOptions } from "./remote-jwks.ts";

// Hooks of every transport.
export { jwtToken, tokenFromHeader, tokenToHeader } from "./token.ts";
