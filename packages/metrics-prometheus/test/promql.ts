import type { Server } from "@kit/servers";
import { expect, vi } from "vitest";

/** One series of an answer. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Answer<Data> {
  readonly status: "success" | "error";
  readonly error?: string;
  readonly data: Data;
}

export async function ask<Data>({ url }: Server, path: string, parameters: Record<string, string> = {}): Promise<Data> {
  const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`, {
    headers: { connection: "close" },
  });
  const { status, error, data } = (await response.json()) as Answer<Data>;
  if (status !== "success") throw new Error(error);
  return data;
}

/** What PromQL answers, now or at `time`, in seconds. */
export async function query(server: Server, expression: string, time?: number): Promise<Sample[]> {
  const { result } = await ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
    server,
    "query",
    { query: expression, ...(time !== undefined && { time: `${time}` }) },
  );
  return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
}

/** Asks until it answers with this one value, for scrapes come when they come. */
export async function answers(server: Server, expression: string, value: number): Promise<void> {
  const told = async () => (await query(server, expression)).map((sample) => sample.value);
  await vi.waitFor(async () => expect(await told(), expression).toEqual([value]), { timeout: 30_000, interval: 50 });
}
