import type { Server } from "@kit/servers";
import { vi } from "vitest";

/** The samples on the page of statsd_exporter, by name and labels as they stand there. */
export type Page = ReadonlyMap<string, number>;

async function pageOf({ place }: Server): Promise<Page> {
  const response = await fetch(`http://127.0.0.1:${place.ports[1]}/metrics`, { headers: { connection: "close" } });
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** Asks until the page has it, for the daemon takes lines when it gets to them. */
export async function pageWith(server: Server, isThere: (page: Page) => boolean): Promise<Page> {
  return vi.waitUntil(
    async () => {
      const page = await pageOf(server);
      return isThere(page) && page;
    },
    { timeout: 30_000, interval: 20 },
  );
}

/** How the page names a series. */
export function sampleOf(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([label, value]) => `${label}="${value.replace(/[\\"]/g, "\\$&")}"`);
  return name.replaceAll(".", "_") + (pairs.length > 0 ? `{${pairs.join(",")}}` : "");
}

/** Whether it has read every line that it was sent. */
export const hasReadAll = (page: Page): boolean =>
  Array.from(page).every(
    ([sample, value]) =>
      value === 0 || !/^statsd_exporter_(tag_errors|sample_errors|events_error|lines_error)/.test(sample),
  );
