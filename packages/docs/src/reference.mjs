import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, OptionDefaults } from "typedoc";

const root = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/**
 * Writes the API reference: plain HTML, which a browser shows from the disk as well.
 *
 * @param {string} out
 */
export async function writeReference(out) {
  const app = await Application.bootstrap({
    name: "@kit",
    entryPoints: entryPoints(),
    tsconfig: join(root, "packages/docs/tsconfig.json"),
    out,
    readme: "none",
    excludeExternals: true,
    excludeInternal: true,
    excludePrivate: true,
    disableSources: true,
    githubPages: false,
    // Docstrings name what they mean where it is not exported.
    validation: { notExported: false, invalidLink: true, notDocumented: false },
    logLevel: "Warn",
    // tsc has checked them, in a version that this one does not know.
    skipErrorChecking: true,
    // What protobuf's generator writes.
    blockTags: [...OptionDefaults.blockTags, "@generated"],
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("the API reference could not be made");
  app.validate(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error("the API reference is not sound: see above");
  await app.generateOutputs(project);
}

/** Whatever users can import. */
function entryPoints() {
  return readdirSync(join(root, "packages")).flatMap((name) => {
    const manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
    if (manifest.private) return [];
    return Object.values(manifest.exports)
      .filter((target) => typeof target === "object")
      .map(({ types }) => join(root, "packages", name, types.replace("dist/", "src/").replace(/\.d\.ts$/, ".ts")));
  });
}
