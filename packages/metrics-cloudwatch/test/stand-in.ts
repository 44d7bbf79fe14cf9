import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";

export interface Datum {
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
  readonly Timestamp: number;
  readonly Unit?: string;
  readonly Value?: number;
  readonly Values?: readonly number[];
  readonly Counts?: readonly number[];
}

/** One request that was taken. */
interface Put {
  readonly Namespace: string;
  readonly MetricData: readonly Datum[];
  /** Before it was packed. */
  readonly bytes: number;
}

/** How requests are answered: taken if CloudWatch would take them, or with that status and error, or not at all. */
type Mood = "well" | "never" | { readonly status: number; readonly error: string };

/**
 * What answers in CloudWatch's place, which cannot be had in a test: it reads what the SDK sends over HTTP, and refuses what CloudWatch
 * documents that it refuses.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
 */
export interface StandIn extends AsyncDisposable {
  readonly client: CloudWatchClient;
  readonly puts: readonly Put[];
  /** What it refused of its own. */
  readonly refused: readonly string[];
  /** How many requests have come. */
  readonly asked: number;
  mood: Mood;
  /** All data taken of one series. */
  data(name: string, labels?: Readonly<Record<string, string>>): Datum[];
  /** Is away, until `listen`. */
  stop(): Promise<void>;
  listen(): Promise<void>;
}

export async function standIn(): Promise<StandIn> {
  const puts: Put[] = [];
  const refused: string[] = [];
  let asked = 0;
  const state: { mood: Mood } = { mood: "well" };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    asked++;
    const packed = Buffer.concat(await request.toArray());
    const { mood } = state;
    if (mood === "never") return;
    if (mood !== "well") return say(response, mood.status, mood.error);
    const body = request.headers["content-encoding"] === "gzip" ? await promisify(gunzip)(packed) : packed;
    const { Namespace, MetricData } = JSON.parse(body.toString()) as Put;
    const wrong = fault({ Namespace, MetricData, bytes: body.length });
    if (wrong !== undefined) {
      refused.push(wrong);
      return say(response, 400, "InvalidParameterValueException");
    }
    puts.push({ Namespace, MetricData, bytes: body.length });
    response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end("{}");
  }

  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = new CloudWatchClient({
    region: "eu-central-1",
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: "nobody", secretAccessKey: "nothing" },
    maxAttempts: 1,
  });

  async function stop(): Promise<void> {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  return {
    client,
    puts,
    refused,
    get asked() {
      return asked;
    },
    get mood() {
      return state.mood;
    },
    set mood(mood) {
      state.mood = mood;
    },
    data: (name, labels = {}) =>
      puts
        .flatMap(({ MetricData }) => MetricData)
        .filter(({ MetricName, Dimensions }) => MetricName === name && keyOf(Dimensions) === keyOf(pairs(labels))),
    stop,
    async listen() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await stop();
    },
  };
}

function say(response: ServerResponse, status: number, type: string): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
  response.end(JSON.stringify({ __type: `com.amazonaws.cloudwatch.v2010_08_01#${type}`, message: "no" }));
}

const printable = /^(?=.*[!-~])[ -~]+$/;

function fault({ Namespace, MetricData, bytes }: Put): string | undefined {
  if (bytes > 1_048_576) return "too large";
  if (MetricData.length > 1000) return "too many metrics";
  if (!/^[^:].*$/.test(Namespace) || Namespace.length > 255) return "namespace";
  for (const { MetricName, Dimensions = [], Timestamp, Value, Values, Counts } of MetricData) {
    const names = [MetricName, ...Dimensions.map(({ Name }) => Name)];
    if (names.some((name) => !printable.test(name) || name.length > 255)) return `name in ${names.join()}`;
    if (Dimensions.length > 30) return "dimensions";
    if (new Set(Dimensions.map(({ Name }) => Name)).size < Dimensions.length) return "one dimension twice";
    if (
      Dimensions.some(({ Name, Value: value }) => Name.startsWith(":") || !printable.test(value) || value.length > 1024)
    ) {
      return "dimension";
    }
    if (!(Math.abs(Timestamp * 1000 - Date.now()) < 600_000)) return `timestamp ${Timestamp}`;
    if ((Value === undefined) === (Values === undefined)) return "neither value nor values, or both";
    const numbers = Values ?? [Value!];
    if (numbers.length === 0 || numbers.length > 150) return `${numbers.length} values`;
    if (Values !== undefined && Counts?.length !== Values.length) return "counts";
    if (Counts?.some((count) => !(count > 0))) return "count";
    if (!numbers.every((n) => n === 0 || (Math.abs(n) >= 2 ** -360 && Math.abs(n) <= 2 ** 360))) return "number";
  }
  return undefined;
}

function pairs(labels: Readonly<Record<string, string>>): Datum["Dimensions"] {
  return Object.entries(labels).map(([Name, value]) => ({ Name, Value: value }));
}

function keyOf(dimensions: Datum["Dimensions"] = []): string {
  return dimensions
    .map(({ Name, Value }) => JSON.stringify([Name, Value]))
    .toSorted((one, other) => (one < other ? -1 : 1))
    .join();
}
