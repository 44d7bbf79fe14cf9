import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { publishedPackages, readJson } from "./workspace.mjs";

/**
 * Says in each manifest which repository it comes from, as npm demands of packages with provenance. Which one that is, CI knows;
 * where nobody says, the manifests stay as they are.
 *
 * @param {NodeJS.ProcessEnv} [env]
 */
export function nameRepository({ GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env) {
  if (GITHUB_SERVER_URL === undefined || GITHUB_REPOSITORY === undefined) return;
  const url = `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git`;
  for (const { folder, path } of publishedPackages()) {
    const file = join(path, "package.json");
    const repository = { type: "git", url, directory: folder };
    writeFileSync(file, `${JSON.stringify({ ...readJson(file), repository }, null, 2)}\n`);
  }
}
