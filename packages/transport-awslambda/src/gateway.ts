/** An event of API Gateway's HTTP API (payload 2.0) or of a function URL, as far as it is read. */
interface EventV2 extends Body {
  readonly rawPath: string;
  readonly rawQueryString?: unknown;
  readonly cookies?: unknown;
  readonly headers?: unknown;
  readonly requestContext: { readonly http: { readonly method: string }; readonly stage?: unknown };
}

/** An event of API Gateway's REST API, of its HTTP API with payload 1.0, or of a load balancer, as far as it is read. */
interface EventV1 extends Body {
  readonly httpMethod: string;
  readonly path: string;
  readonly headers?: unknown;
  readonly multiValueHeaders?: unknown;
  readonly queryStringParameters?: unknown;
  readonly multiValueQueryStringParameters?: unknown;
}

interface Body {
  readonly body?: unknown;
  readonly isBase64Encoded?: unknown;
}

/** What API Gateway makes a response of. */
export interface HttpResult {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Payload 2.0 has cookies apart; 1.0 has several values of one header. */
  readonly cookies?: readonly string[];
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** The version of the payload that an HTTP event has; `undefined` for any other event. */
export function payloadOf(event: unknown): 1 | 2 | undefined {
  const { rawPath, requestContext, httpMethod, path } = (event ?? {}) as Partial<EventV1 & EventV2>;
  if (typeof rawPath === "string" && typeof requestContext?.http?.method === "string") return 2;
  return typeof httpMethod === "string" && typeof path === "string" ? 1 : undefined;
}

/** The request that an HTTP event stands for; `undefined` if it can be none. The stage, which payload 2.0 has in its path, is taken off. */
export function requestOf(event: unknown, payload: 1 | 2): Request | undefined {
  try {
    return payload === 2 ? requestV2(event as EventV2) : requestV1(event as EventV1);
  } catch {
    return undefined;
  }
}

/** The result that a response becomes. */
export async function resultOf(response: Response, payload: 1 | 2): Promise<HttpResult> {
  const cookies = response.headers.getSetCookie();
  const headers = Object.fromEntries(Array.from(response.headers).filter(([name]) => name !== "set-cookie"));
  const bytes = Buffer.from(await response.arrayBuffer());
  const isBase64Encoded = !isText(headers["content-type"], headers["content-encoding"]);
  const apart = payload === 2 ? { cookies } : { multiValueHeaders: { "set-cookie": cookies } };
  return {
    statusCode: response.status,
    headers,
    ...(cookies.length > 0 && apart),
    body: bytes.toString(isBase64Encoded ? "base64" : "utf8"),
    isBase64Encoded,
  };
}

function requestV2(event: EventV2): Request {
  const { rawPath, rawQueryString, cookies, requestContext } = event;
  const { stage, http } = requestContext;
  const staged = typeof stage === "string" && stage !== "" && rawPath.startsWith(`/${stage}/`);
  const headers = new Headers(pairs(event.headers));
  if (Array.isArray(cookies) && cookies.length > 0) headers.set("cookie", cookies.join("; "));
  const query = typeof rawQueryString === "string" ? rawQueryString : "";
  return made(http.method, staged ? rawPath.slice(stage.length + 1) : rawPath, query, headers, event);
}

function requestV1(event: EventV1): Request {
  const query = new URLSearchParams(pairs(event.queryStringParameters, event.multiValueQueryStringParameters));
  const headers = new Headers(pairs(event.headers, event.multiValueHeaders));
  return made(event.httpMethod, event.path, query.toString(), headers, event);
}

function made(method: string, path: string, query: string, headers: Headers, { body, isBase64Encoded }: Body): Request {
  // The host is anyone's: nothing depends on it.
  const url = new URL("http://lambda");
  url.pathname = path;
  url.search = query;
  // The body stands in the event, whatever its length was on the way.
  headers.delete("content-length");
  const hasBody = typeof body === "string" && body !== "" && method !== "GET" && method !== "HEAD";
  if (!hasBody) return new Request(url, { method, headers });
  return new Request(url, { method, headers, body: isBase64Encoded === true ? Buffer.from(body, "base64") : body });
}

/** Names and values, of which an event has several of one name apart from the single ones. */
function pairs(single: unknown, several?: unknown): [string, string][] {
  const lists = Object.entries(several ?? {}).map(
    ([name, values]) => [name, Array.isArray(values) ? values : []] as const,
  );
  const listed = new Set(lists.map(([name]) => name));
  const others = Object.entries(single ?? {}).filter(([name]) => !listed.has(name));
  return [...lists.flatMap(([name, values]) => values.map((value) => [name, value] as const)), ...others].filter(
    (pair): pair is [string, string] => typeof pair[1] === "string",
  );
}

function isText(type: string | undefined, encoding: string | undefined): boolean {
  if (encoding !== undefined && encoding !== "identity") return false;
  return type === undefined || /^text\/|[/+](json|xml|javascript|x-www-form-urlencoded)\b/i.test(type);
}
