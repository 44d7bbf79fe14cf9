import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { background, callInfo } from "@kit/endpoint";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { type GrpcCodec, grpcService, serveGrpc } from "../src/index.ts";
import { connected, insecure, rejection } from "./serving.ts";

const text: GrpcCodec<string, string> = { encode: (value) => Buffer.from(value), decode: (bytes) => String(bytes) };
const Who = grpcService({
  name: "who",
  methods: { am: { path: "/t.Who/Am", requestCodec: text, responseCodec: text } },
});

interface Identity {
  readonly key: Buffer;
  readonly cert: Buffer;
}

let [ca, here, caller, stranger]: Identity[] = [];

/** Certificates of the day: an authority, a server's and a client's by it, and one that nobody knows. */
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "kit-grpc-"));
  const openssl = (...args: string[]) => promisify(execFile)("openssl", args, { cwd: folder });
  const read = async (name: string): Promise<Identity> => ({
    key: await readFile(join(folder, `${name}.key`)),
    cert: await readFile(join(folder, `${name}.crt`)),
  });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const selfSigned = (name: string) =>
    openssl(
      "req",
      "-x509",
      ...curve,
      "-days",
      "1",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.crt`,
    );
  await selfSigned("ca");
  await selfSigned("stranger");
  await writeFile(join(folder, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1");
  for (const name of ["server", "client"]) {
    await openssl("req", ...curve, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "names"];
    await openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-out", `${name}.crt`);
  }
  [ca, here, caller, stranger] = await Promise.all(["ca", "server", "client", "stranger"].map(read));
  await rm(folder, { recursive: true });
}, 30_000);

async function secured(mutual: boolean): Promise<string> {
  const server = new Server();
  serveGrpc(Who, { am: async (name, ctx) => `${name} by ${ctx.get(callInfo)!.transport}` }, { server });
  const pair = { private_key: here!.key, cert_chain: here!.cert };
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createSsl(ca!.cert, [pair], mutual), (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return `localhost:${port}`;
}

it("speaks TLS with the credentials it is given, and with no others", async () => {
  const address = await secured(false);
  const call = (credential = insecure) => connected(Who, address, { credentials: credential }).am("ada", background);
  expect(await call(credentials.createSsl(ca!.cert))).toBe("ada by grpc");
  for (const wrong of [insecure, credentials.createSsl(stranger!.cert)]) {
    expect(await rejection(call(wrong))).toMatchObject({ code: "unavailable" });
  }
});

it("speaks mutual TLS", async () => {
  const address = await secured(true);
  const call = (...identity: Buffer[]) => {
    const [key, cert] = identity;
    const mutual = credentials.createSsl(ca!.cert, key ?? null, cert ?? null);
    return connected(Who, address, { credentials: mutual }).am("ada", background);
  };
  expect(await call(caller!.key, caller!.cert)).toBe("ada by grpc");
  expect(await rejection(call())).toMatchObject({ code: "unavailable" });
  expect(await rejection(call(stranger!.key, stranger!.cert))).toMatchObject({ code: "unavailable" });
});
