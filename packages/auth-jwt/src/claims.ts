import { contextKey, type ContextKey } from "@kit/endpoint";

/** What a token says. Times are in seconds since the Unix epoch. @see https://www.rfc-editor.org/rfc/rfc7519#section-4.1 */
export interface JwtClaims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly [claim: string]: unknown;
}

/** Where the parser puts the verified claims, as the token has them; each call has its own object. @see go-kit JWTClaimsContextKey */
export const jwtClaims: ContextKey<JwtClaims> = contextKey("@kit/auth-jwt/claims");
