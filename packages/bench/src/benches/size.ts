import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

import type { Bench, Costs, Result } from "../bench.ts";
import { publishedEntries } from "../entries.ts";

const core = "@kit/endpoint";
const peers = ["koa-compose", "@middy/core", "cockatiel", "hono", "@connectrpc/connect", "effect"];

/** All that a module exports, minified and gzipped, by name. */
async function weigh(
  modules: Readonly<Record<string, string>>,
  packages: "bundle" | "external" = "bundle",
): Promise<Costs> {
  const { outputFiles } = await build({
    entryPoints: Object.entries(modules).map(([name, module]) => ({ in: module, out: name })),
    outdir: "/",
    write: false,
    bundle: true,
    packages,
    minify: true,
    format: "esm",
    platform: "node",
    loader: { ".node": "empty" },
    logLevel: "error",
  });
  const sizes = new Map(
    outputFiles.map(({ path, contents }) => [path.replace(/^\/|\.js$/g, ""), gzipSync(contents, { level: 9 }).length]),
  );
  return Object.fromEntries(Object.keys(modules).map((name) => [name, [sizes.get(name)!]]));
}

async function weighAll(): Promise<readonly Result[]> {
  const entries = publishedEntries();
  const ours = entries.map(({ specifier }) => specifier);
  const modules = Object.fromEntries(entries.map(({ specifier, module }) => [specifier, module]));
  const besidePeers = {
    [core]: modules[core]!,
    ...Object.fromEntries(peers.map((peer) => [peer, fileURLToPath(import.meta.resolve(peer))])),
  };
  return [
    {
      title: "size, gzipped: the core and the peers",
      unit: "bytes",
      costs: await weigh(besidePeers),
      claims: [{ ours: core, below: 2000 }],
    },
    {
      title: "size, gzipped: each package's own code",
      unit: "bytes",
      costs: await weigh(modules, "external"),
      claims: [],
      ours,
    },
    {
      title: "size, gzipped: each package with all it imports",
      unit: "bytes",
      costs: await weigh(modules),
      claims: [],
      ours,
    },
  ];
}

/** What modules weigh, which a bundle for a browser or a function in the cloud carries. Measured once a start: it is the same each time. */
export const bench: Bench = [weighAll];
