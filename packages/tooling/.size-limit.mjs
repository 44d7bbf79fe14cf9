import { fileURLToPath } from "node:url";
import { relative } from "node:path";

import { publishedPackages, readJson } from "./src/workspace.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const limits = readJson(new URL("size-limits.json", import.meta.url));

// A package's own code, bundled, minified and gzipped; what it depends on is measured where it lives.
export default publishedPackages().map(({ folder, path, manifest }) => {
  const { exports = {}, dependencies = {}, peerDependencies = {} } = manifest;
  const entries = Object.values(exports).flatMap((target) => (typeof target === "string" ? [] : [target.default]));
  return {
    name: manifest.name,
    path: entries.map((entry) => relative(here, `${path}/${entry}`)),
    limit: limits[folder.replace("packages/", "")],
    ignore: ["node:*", ...Object.keys({ ...dependencies, ...peerDependencies }).flatMap((name) => [name, `${name}/*`])],
    gzip: true,
  };
});
