/** What a caller says to be. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Unicode has several spellings for one text; RFC 7617 takes the composed one. */
export function normal(text: string): string {
  return text.normalize("NFC");
}

const control = /\p{Cc}/u;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the value of an `authorization` header: padded base64 of UTF-8, the user before the first colon, no control characters. The scheme's case does
 * not matter.
 *
 * @returns `undefined` for anything else.
 * @see https://www.rfc-editor.org/rfc/rfc7617#section-2
 */
export function parseCredentials(header: string): Credentials | undefined {
  const encoded = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  // Node's decoder is patient; what it would not write itself is refused.
  if (bytes.toString("base64") !== encoded) return undefined;
  const text = textOf(bytes);
  const colon = text?.indexOf(":") ?? -1;
  if (text === undefined || colon < 0) return undefined;
  return { user: normal(text.slice(0, colon)), password: normal(text.slice(colon + 1)) };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(bytes);
    return control.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** The value of an `authorization` header. */
export function formatCredentials({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${normal(user)}:${normal(password)}`).toString("base64")}`;
}

/** @throws {TypeError} for what the scheme cannot say. */
export function checkCredentials(name: string, { user, password }: Credentials): void {
  if (user.includes(":")) throw new TypeError(`${name}: a user must not contain a colon, got ${JSON.stringify(user)}`);
  if (control.test(user) || control.test(password)) {
    throw new TypeError(`${name}: user and password must not contain control characters`);
  }
}
