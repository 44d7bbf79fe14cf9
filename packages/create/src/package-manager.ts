/** Whom a project is written for; each settles in a place of its own what the template's packages need. */
export type PackageManager = "npm" | "pnpm" | "yarn";

/** What of a template's `package.json` is npm's own. */
export interface NpmSettings {
  /** Versions that packages below others must have. */
  readonly overrides?: Overrides | undefined;
  /** Which packages' install scripts may run. */
  readonly allowScripts?: Readonly<Record<string, boolean>> | undefined;
}

type Overrides = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/**
 * @param userAgent what package managers call themselves in `npm_config_user_agent`, such as `pnpm/12.21.0 npm/? node/v20.20.2`
 * @returns npm for whatever is none of the others
 */
export function packageManagerOf(userAgent: string | undefined): PackageManager {
  const name = userAgent?.split("/")[0];
  return name === "pnpm" || name === "yarn" ? name : "npm";
}

/** What one package manager has in a project. */
export interface Settings {
  /** Takes the place of npm's settings in `package.json`. */
  readonly manifest: object;
  /** Files beside it, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Lines for `.gitignore`. */
  readonly ignored: string;
}

/** Says what npm's settings say to another package manager. */
export function settingsFor(manager: PackageManager, settings: NpmSettings): Settings {
  const { overrides, allowScripts } = settings;
  if (manager === "npm") return { manifest: settings, files: {}, ignored: "" };
  if (manager === "pnpm") {
    const text = yaml("allowBuilds", allowScripts) + yaml("overrides", overrides && flat(overrides, ">"));
    return { manifest: {}, files: text === "" ? {} : { "pnpm-workspace.yaml": text }, ignored: "" };
  }
  return {
    manifest: overrides === undefined ? {} : { resolutions: flat(overrides, "/") },
    files: {
      ".yarnrc.yml": "# TypeScript 7 does not look into Yarn's archives.\nnodeLinker: node-modules\n",
      // Without one, Yarn takes the project for a part of whatever is around it.
      "yarn.lock": "",
    },
    ignored: ".yarn/\n",
  };
}

function flat(overrides: Overrides, mark: string): Record<string, string> {
  const entries = Object.entries(overrides).flatMap(([parent, range]) =>
    typeof range === "string"
      ? [[parent, range]]
      : Object.entries(range).map(([child, inner]) => [`${parent}${mark}${child}`, inner]),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

function yaml(key: string, values: Readonly<Record<string, string | boolean>> = {}): string {
  const lines = Object.entries(values).map(([name, value]) => `  "${name}": ${JSON.stringify(value)}\n`);
  return lines.length === 0 ? "" : `${key}:\n${lines.join("")}`;
}
