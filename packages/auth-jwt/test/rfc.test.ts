import { describe, expect, it } from "vitest";
import type { JwtAlgorithm, JwtKey } from "../src/index.ts";
import { errorOf, parse } from "./tokens.ts";

/** All examples say: joe, root, until 2011-03-22. */
const payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const claims = { iss: "joe", exp: 1_300_819_380, "http://example.com/is_root": true };
const inTime = { now: () => 1_300_819_379_999, issuer: "joe" };

const examples: readonly [string, JwtAlgorithm, JwtKey, string][] = [
  [
    "RFC 7519 3.1 and RFC 7515 A.1",
    "HS256",
    { kty: "oct", k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" },
    `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${payload}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`,
  ],
  [
    "RFC 7515 A.2",
    "RS256",
    {
      kty: "RSA",
      n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
      e: "AQAB",
    },
    `eyJhbGciOiJSUzI1NiJ9.${payload}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
  ],
  [
    "RFC 7515 A.3",
    "ES256",
    {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    },
    `eyJhbGciOiJFUzI1NiJ9.${payload}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
  ],
];

describe.each(examples)("%s", (_rfc, algorithm, key, token) => {
  const options = { key, algorithms: [algorithm] };

  it("is good while it lasts", async () => {
    expect(await parse({ ...options, ...inTime }, token)).toEqual(claims);
  });

  it("has expired", async () => {
    expect(await errorOf(parse(options, token))).toMatchObject({ cause: { message: "JWT is expired" } });
  });

  it("is no good with a signature that differs in one bit", async () => {
    const at = token.lastIndexOf(".") + 1;
    const forged = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    expect(await errorOf(parse({ ...options, ...inTime }, forged))).toMatchObject({ code: "unauthenticated" });
  });
});

it("RFC 7519 6.1 and RFC 7515 A.5, which are unsecured, are refused", async () => {
  for (const [, algorithm, key] of examples) {
    const error = await errorOf(parse({ key, algorithms: [algorithm], ...inTime }, `eyJhbGciOiJub25lIn0.${payload}.`));
    expect(error).toMatchObject({ code: "unauthenticated", cause: { message: "unexpected signing method" } });
  }
});

it("RFC 7515 A.4, whose payload is no claims, is signed well and refused", async () => {
  const key = {
    kty: "EC",
    crv: "P-521",
    x: "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
    y: "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
  };
  const token =
    "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
  const error = await errorOf(parse({ key, algorithms: ["ES512"] }, token));
  expect(error).toMatchObject({ cause: { message: "JWT is malformed", cause: { code: "ERR_JWT_INVALID" } } });
});
