import { once } from "node:events";
import { join } from "node:path";

import { runServer } from "verdaccio";

import { run } from "./run.mjs";

/**
 * Starts a registry on this machine, for rehearsals: whoever asks may publish packages of ours, and everything else comes
 * from the registry that npm is set to.
 *
 * @param {string} place a folder of its own
 * @returns {Promise<{ url: string, [Symbol.asyncDispose]: () => Promise<void> }>}
 */
export async function startRegistry(place) {
  const { stdout } = await run("npm", ["config", "get", "registry"]);
  const server = await runServer(
    /** @type {any} its types have the settings that it fills in itself */ ({
      self_path: place,
      configPath: join(place, "config.yaml"),
      storage: join(place, "packages"),
      web: { enable: false },
      uplinks: { usual: { url: stdout.trim(), timeout: "60s" } },
      packages: {
        "@kit/*": { access: "$all", publish: "$all" },
        "**": { access: "$all", proxy: "usual" },
      },
      max_body_size: "50mb",
      log: { type: "stdout", level: "fatal" },
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
