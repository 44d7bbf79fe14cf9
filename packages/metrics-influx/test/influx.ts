import type { Server } from "@kit/servers";
import { vi } from "vitest";

type Labels = Readonly<Record<string, string>>;

/** One series of InfluxDB's: its tags, and its points by field, oldest first. */
export interface Series {
  readonly tags: Labels;
  readonly points: readonly Readonly<Record<string, number>>[];
}

/** Asks in InfluxQL. */
export async function query(server: Server, q: string, db = ""): Promise<readonly Series[]> {
  const parameters = String(new URLSearchParams({ q, db, epoch: "ms" }));
  const headers = { connection: "close" };
  const response = await fetch(`${server.url}/query?${parameters}`, { method: "POST", headers });
  const { results, error } = (await response.json()) as {
    results: { error?: string; series?: { tags?: Labels; columns: string[]; values: (number | null)[][] }[] }[];
    error?: string;
  };
  const wrong = error ?? results[0]?.error;
  if (wrong !== undefined) throw new Error(wrong);
  return (results[0]?.series ?? []).map(({ tags = {}, columns, values }) => ({
    tags,
    points: values.map((row) =>
      Object.fromEntries(columns.map((column, i) => [column, row[i]!]).filter(([, value]) => value !== null)),
    ),
  }));
}

/** All series of a measurement. InfluxDB knows the tags of a series as "" that only others have. */
export async function seriesOf(server: Server, db: string, name: string): Promise<readonly Series[]> {
  const series = await query(server, `SELECT * FROM "${name}" GROUP BY *`, db);
  return series.map(({ tags, points }) => ({
    tags: Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== "")),
    points,
  }));
}

/** The points of one series, none where there is none. */
export async function pointsOf(
  server: Server,
  db: string,
  name: string,
  labels: Labels = {},
): Promise<Series["points"]> {
  const keyOf = (tags: Labels): string =>
    JSON.stringify(Object.entries(tags).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  const all = await seriesOf(server, db, name);
  return all.find(({ tags }) => keyOf(tags) === keyOf(labels))?.points ?? [];
}

/** Asks until the points will do, for the server takes them when it gets to them. */
export async function pointsWith(
  ask: () => Promise<Series["points"]>,
  isThere: (points: Series["points"]) => boolean,
): Promise<Series["points"]> {
  return vi.waitUntil(
    async () => {
      const points = await ask();
      return isThere(points) && points;
    },
    { timeout: 30_000, interval: 20 },
  );
}

export const sumOf = (points: Series["points"], field: string): number =>
  points.reduce((sum, point) => sum + (point[field] ?? 0), 0);
