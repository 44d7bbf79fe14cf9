import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { answersWith } from "./answers-with.ts";
import { foundProgram } from "./installed.ts";
import type { ServerKind } from "./server-kind.ts";

/**
 * Reads the page of whoever listens on its second port, five times a second, and keeps exemplars; the job is `test`. It also takes OTLP, at
 * `/api/v1/otlp/v1/metrics`. Its data lie in `data`, where `promtool` can put blocks while it is down.
 */
export const prometheus: ServerKind = {
  name: "prometheus",
  install: "bash packages/servers/bin/install.sh",
  needs: ["prometheus", "promtool"],
  ports: 2,
  async prepare({ directory, ports: [, target] }) {
    const job = { job_name: "test", static_configs: [{ targets: [`127.0.0.1:${target}`] }] };
    const config = { global: { scrape_interval: "200ms", scrape_timeout: "200ms" }, scrape_configs: [job] };
    // JSON is YAML.
    await writeFile(join(directory, "prometheus.yml"), JSON.stringify(config));
  },
  command: ({ directory, port }) => ({
    file: "prometheus",
    args: [
      `--config.file=${join(directory, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // It waits five seconds before it first scrapes, otherwise.
      "--scrape.discovery-reload-interval=100ms",
      "--enable-feature=exemplar-storage",
      "--web.enable-otlp-receiver",
      "--log.level=warn",
    ],
  }),
  probe: (url) => answersWith(`${url}/-/ready`, "Ready"),
};

/**
 * Runs Prometheus's own tool, which needs no server; `input` is what it reads. Resolves with what it has printed.
 *
 * @throws when it finds fault, with what it has said.
 */
export async function promtool(args: readonly string[], input = ""): Promise<string> {
  const running = promisify(execFile)(foundProgram("promtool") ?? "promtool", args);
  running.child.stdin?.end(input);
  const { stdout, stderr } = await running;
  return stdout + stderr;
}
