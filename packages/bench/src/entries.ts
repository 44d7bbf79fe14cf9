import { existsSync } from "node:fs";
import { join } from "node:path";
import { publishedPackages } from "@kit/tooling/src/workspace.mjs";

/** What a user can import. */
export interface Entry {
  /** Such as "@kit/metrics/push". */
  readonly specifier: string;
  /** Its package's folder, absolute. From there its drivers can be imported too. */
  readonly folder: string;
  /** The file it stands for, absolute. */
  readonly module: string;
  /** What others have written and its package's manifest asks for. */
  readonly drivers: readonly string[];
}

/** Nothing but types: there is nothing to import. */
const typesOnly = "@standard-schema/spec";

/** Of all published packages but the conformance suites, which only vitest can import. */
export function publishedEntries(): Entry[] {
  return publishedPackages()
    .filter(({ manifest }) => manifest.name !== "@kit/conformance")
    .flatMap(({ path: folder, manifest }) => {
      const { name, exports = {}, dependencies, peerDependencies, peerDependenciesMeta = {} } = manifest;
      const drivers = Object.keys({ ...dependencies, ...peerDependencies }).filter(
        (asked) => !asked.startsWith("@kit/") && asked !== typesOnly && peerDependenciesMeta[asked]?.optional !== true,
      );
      return Object.entries(exports).flatMap(([below, target]) => {
        if (typeof target === "string") return [];
        const module = join(folder, target.default);
        if (!existsSync(module))
          throw new Error(`${module} is missing: npm run bench builds it, and so does turbo run build`);
        return [{ specifier: join(name, below), folder, module, drivers }];
      });
    });
}
