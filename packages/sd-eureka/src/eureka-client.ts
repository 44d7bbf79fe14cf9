import { unescape } from "node:querystring";
import type { ConnectionOptions } from "node:tls";
import { type Code, type Context, KitError } from "@kit/endpoint";
import { Eureka } from "eureka-js-client";
import { boundedAgent } from "./bounded-agent.ts";

/** Where the servers are, and how to reach them. */
export interface Place {
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly tls: ConnectionOptions | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Asks the server that answered last, then the others, until one answers with no 5xx. The parts of the path are encoded. */
export type EurekaClient = (method: string, path: readonly string[], ctx: Context, body?: object) => Promise<Answer>;

/** The one function of the driver under all its others. Its types leave it out. */
interface Driver {
  eurekaRequest(
    request: object,
    done: (error: Error | null, response?: { readonly statusCode: number }, body?: string) => void,
  ): void;
}

/** What the driver hands to its middleware. */
interface DriverRequest {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly ctx: () => Context;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** @throws {TypeError} when a server is no URL. */
export function eurekaClient(caller: string, { servers, timeoutMs, maxBytes, tls = {} }: Place): EurekaClient {
  const authorizations = new Map<string, string>();
  const urls = parsedServers(caller, servers).map((url) => {
    const { origin, pathname, username, password } = url;
    const base = `${origin}${pathname.replace(/\/+$/, "")}/apps`;
    if (username !== "" || password !== "") authorizations.set(base, basicAuthorization(username, password));
    return base;
  });

  const settings = {
    logger: silent,
    // Or it would read settings from eureka-client.yml in the working directory; no file can have this name.
    filename: "\0",
    instance: {},
    eureka: {
      serviceUrls: { default: urls },
      registerWithEureka: false,
      fetchRegistry: false,
      useDns: false,
      maxRetries: urls.length - 1,
      requestRetryDelay: 0,
    },
    requestMiddleware({ ctx, ...request }: DriverRequest, done: (request: object) => void): void {
      const { baseUrl, headers } = request;
      const authorization = authorizations.get(baseUrl);
      done({
        ...request,
        headers: authorization === undefined ? headers : { ...headers, authorization },
        agent: boundedAgent(baseUrl.startsWith("https:"), { timeoutMs, maxBytes, tls }, ctx()),
        // What is unpacked is not bounded, and Eureka does not pack the answers that are asked for here.
        gzip: false,
        // Neither another server nor a proxy of the environment is to see the credentials.
        followRedirect: false,
        proxy: null,
      });
    },
  };
  const driver = new Eureka(settings) as unknown as Driver;

  return (method, path, ctx, body) =>
    new Promise((resolve, reject) => {
      const request = {
        method,
        uri: path.map(encodeURIComponent).join("/"),
        headers: { accept: "application/json", "content-type": "application/json" },
        body: body && JSON.stringify(body),
        // As a function, since the driver makes a deep copy of everything else.
        ctx: () => ctx,
      };
      driver.eurekaRequest(request, (error, response, text = "") => {
        if (error !== null) reject(error);
        else resolve({ status: response!.statusCode, body: text });
      });
    });
}

/** What an answer that is not the one hoped for is told as. */
export function answerError({ status }: Answer): KitError {
  const codes: Partial<Record<number, Code>> = { 401: "unauthenticated", 403: "permission_denied" };
  return new KitError(codes[status] ?? "unavailable", `Eureka answered ${status}`);
}

/** No message may show a URL: it may hold a password. */
function parsedServers(caller: string, servers: readonly string[]): URL[] {
  if (!Array.isArray(servers) || servers.length === 0) {
    throw new TypeError(`${caller}: servers must be an array of at least one URL`);
  }
  return servers.map((server: unknown, at) => {
    const url = typeof server === "string" && URL.canParse(server) ? new URL(server) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
      const rule = "an http or https URL without a query, such as http://127.0.0.1:8761/eureka";
      throw new TypeError(`${caller}: servers[${at}] must be ${rule}`);
    }
    return url;
  });
}

function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${unescape(username)}:${unescape(password)}`).toString("base64")}`;
}
