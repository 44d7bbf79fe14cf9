/** Those of RFC 7518 and RFC 8037 that verify. There is no `none`. */
const names = "HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");

/** How a token is signed. @see https://www.rfc-editor.org/rfc/rfc7518#section-3.1 */
export type JwtAlgorithm = `${"HS" | "RS" | "PS" | "ES"}${256 | 384 | 512}` | "EdDSA" | "Ed25519";

/** Whether both sides share a secret, rather than have a private and a public key. */
export function isHmac(algorithm: string): boolean {
  return algorithm.startsWith("HS");
}

/** @throws {TypeError} naming the option. */
export function checkAlgorithm(option: string, algorithm: JwtAlgorithm): void {
  if (!names.includes(algorithm)) {
    throw new TypeError(`${option} must be one of ${names.join(", ")}, got ${JSON.stringify(algorithm)}`);
  }
}
