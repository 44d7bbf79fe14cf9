import type { ServerKind } from "./server-kind.ts";

/** A browser without a window, which serves the DevTools protocol. */
export const chromium: ServerKind = {
  name: "chromium",
  install: "apt-get install -y --no-install-recommends chromium",
  needs: ["chromium"],
  command: ({ port, directory }) => ({
    file: "chromium",
    args: [
      "--headless",
      // Tests run as root in a container, where its sandbox cannot be; the pages are our own.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      `--user-data-dir=${directory}`,
      `--remote-debugging-port=${port}`,
      "about:blank",
    ],
  }),
  async probe(url) {
    return (await fetch(`${url}/json/version`, { signal: AbortSignal.timeout(1_000) })).ok;
  },
};
