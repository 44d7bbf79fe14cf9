import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fences } from "../src/markdown.mjs";
import { startRegistry } from "../src/registry.mjs";
import { run } from "../src/run.mjs";
import { publishedPackages, readJson, root, workspacePackages } from "../src/workspace.mjs";

// The next release, as the workflow makes it, in a copy of the tree and on a registry of this machine; then what users do with
// it. KIT_TEMPLATES=all starts and tests the project of every template, otherwise those of two that do not take long.

const apps = workspacePackages()
  .filter(({ folder }) => folder.startsWith("apps/"))
  .map(({ folder }) => basename(folder));
const chosen = process.env["KIT_TEMPLATES"] === "all" ? apps : apps.filter((app) => /stringsvc|profilesvc/.test(app));

/** How a server answers that has no round to play. */
const calls: Record<string, { flags: string[]; address: RegExp; call: string[]; reply: string }> = {
  stringsvc: {
    flags: ["--listen", ":0"],
    address: /listens on http:\/\/(\S+)/,
    call: ["/uppercase", "-d", '{"s":"hello, world"}'],
    reply: '{"v":"HELLO, WORLD"}',
  },
  profilesvc: {
    flags: ["--http-addr", ":0", "--database", ":memory:"],
    address: /addr=(\S+)/,
    call: ["/profiles/", "-d", '{"id":"1234","Name":"Go Kit"}'],
    reply: "{}",
  },
};

const adapter = "@kit/sd-file";
const [program, printed] = fences(readFileSync(join(root, "packages/sd-file/README.md"), "utf8")).slice(1);
const yarn = "@yarnpkg/cli-dist@4.18.1";
/** What the workflow sets so that pnpm, which overlooks `publishConfig.provenance`, asks for provenance. */
const [, provenance = ""] =
  /^ +(\w+PROVENANCE): "true"/m.exec(readFileSync(join(root, ".github/workflows/ci.yml"), "utf8")) ?? [];

let place: string;
let tree: string;
/** Versions of the first release, by name. */
let first: ReadonlyMap<string, string>;
let registry: Awaited<ReturnType<typeof startRegistry>>;
/** Of CI, of releases and of users: nothing of the package manager that runs these tests, nor of the CI it runs in. */
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "kit-rehearsal-"));
  tree = join(place, "tree");
  registry = await startRegistry(join(place, "registry"));
  const userconfig = join(place, "npmrc");
  await writeFile(userconfig, `registry=${registry.url}\n${registry.url.replace("http:", "")}:_authToken=anybody\n`);
  env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|pnpm|yarn|github)_|^ci$/i.test(name))),
    npm_config_userconfig: userconfig,
    // changesets looks nowhere else.
    npm_config_registry: registry.url,
    npm_config_cache: join(place, "npm-cache"),
    npm_config_fund: "false",
    // Whatever is younger than a day counts as suspicious otherwise.
    PNPM_CONFIG_MINIMUM_RELEASE_AGE: "0",
    YARN_NPM_MINIMAL_AGE_GATE: "0",
    YARN_NPM_REGISTRY_SERVER: registry.url,
    YARN_UNSAFE_HTTP_WHITELIST: "127.0.0.1",
    YARN_GLOBAL_FOLDER: join(place, "yarn"),
    YARN_ENABLE_TELEMETRY: "0",
    GITHUB_SERVER_URL: "https://git.invalid",
    GITHUB_REPOSITORY: "kit/kit",
  };
  const leftOut = new Set(["node_modules", "coverage", ".turbo", ".kit", ".git"]);
  await cp(root, tree, { recursive: true, filter: (from) => !leftOut.has(basename(from)) });
  await inTree("git", "init", "--quiet", "--initial-branch=main");
  await inTree("git", "config", "user.name", "kit");
  await inTree("git", "config", "user.email", "kit@localhost");
  await commit();
  await succeed("pnpm", ["install", "--frozen-lockfile", "--prefer-offline"], tree, process.env);
  await release();
  first = versions();
}, 600_000);

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(place, { recursive: true, force: true });
}, 300_000);

/** What `release:version` and `release:publish` do; all but the templates has been built, and stays as it is. */
async function release(): Promise<void> {
  // The templates of the versions before: turbo must see by itself that these are not the ones to publish.
  await buildTemplates();
  await inTree("pnpm", "run", "release:version");
  await commit();
  await buildTemplates();
  await inTree("node", "packages/tooling/bin/repository.mjs");
  await inTree("pnpm", "exec", "changeset", "publish");
  await inTree("git", "checkout", "--quiet", ".");
}

const buildTemplates = () => inTree("pnpm", "exec", "turbo", "run", "build", "--filter=@kit/create");

async function commit(): Promise<void> {
  await inTree("git", "add", "--all");
  await inTree("git", "commit", "--quiet", "--allow-empty", "--message=State");
}

const versions = () => new Map(publishedPackages(tree).map(({ manifest }) => [manifest.name, manifest.version]));

/** What the registry has of a package. */
async function published(name: string): Promise<string[]> {
  const response = await fetch(new URL(name, registry.url));
  const { versions: known } = (await response.json()) as { versions: Record<string, unknown> };
  return Object.keys(known);
}

const inTree = (command: string, ...args: string[]) => succeed(command, args, tree);

async function succeed(command: string, args: string[], cwd: string, its: NodeJS.ProcessEnv = env): Promise<string> {
  const { code, stdout, output } = await run(command, args, { cwd, env: its });
  expect(code, `${command} ${args.join(" ")}\n${output}`).toBe(0);
  return stdout;
}

it("publishes every package with its licence, its repository and its tag", { timeout: 300_000 }, async () => {
  const tags = (await inTree("git", "tag")).split("\n");
  for (const { folder, manifest } of publishedPackages(tree)) {
    const { name, version } = manifest;
    expect(await published(name), name).toEqual([version]);
    expect(tags).toContain(`${name}@${version}`);
    const tarball = join(place, "registry/packages", name, `${basename(folder)}-${version}.tgz`);
    const files = (await succeed("tar", ["-tzf", tarball], place)).split("\n");
    for (const file of ["LICENSE", "README.md"]) expect(files, name).toContain(`package/${file}`);
    expect(JSON.parse(await succeed("tar", ["-xzOf", tarball, "package/package.json"], place))).toMatchObject({
      license: "MIT",
      repository: { type: "git", url: "git+https://git.invalid/kit/kit.git", directory: folder },
      publishConfig: { access: "public", provenance: true },
    });
  }
});

// One after the other: each step of an upgrade needs the one before.
describe("an adapter", () => {
  const managers = [
    {
      manager: "npm",
      add: ["npm", "install"],
      upgrade: ["npm", "update"],
      node: ["node"],
    },
    {
      manager: "pnpm",
      add: ["pnpm", "add"],
      upgrade: ["pnpm", "update"],
      node: ["node"],
    },
    {
      manager: "yarn",
      add: ["npx", "--yes", yarn, "add"],
      upgrade: ["npx", "--yes", yarn, "up"],
      node: ["npx", "--yes", yarn, "node"],
    },
  ] as const;
  const project = (manager: string) => join(place, `consumer-${manager}`);

  const inProject = (manager: string, [command, ...before]: readonly [string, ...string[]], ...args: string[]) =>
    succeed(command, [...before, ...args], project(manager));

  const versionsIn = `for (const name of ["${adapter}", "@kit/sd", "@kit/endpoint"])
    console.log(require(name + "/package.json").version);`;

  it.each(managers)("is installed alone with $manager", { timeout: 300_000 }, async ({ manager, add, node }) => {
    await mkdir(project(manager));
    await writeFile(join(project(manager), "package.json"), '{ "name": "consumer", "private": true }\n');
    if (manager === "yarn") await writeFile(join(project(manager), "yarn.lock"), "");
    await writeFile(join(project(manager), "consumer.mjs"), program?.code ?? "");
    await inProject(manager, add, "@kit/endpoint", "@kit/sd", adapter);
    expect(await inProject(manager, node, "consumer.mjs")).toBe(printed?.code);
    expect(await inProject(manager, node, "--eval", versionsIn)).toBe("1.0.0\n1.0.0\n1.0.0\n");
  });

  it("asks for provenance as the workflow does", { timeout: 300_000 }, async () => {
    const folder = join(tree, "packages/sd-file");
    const asked = await run("pnpm", ["publish", "--no-git-checks"], {
      cwd: folder,
      env: { ...env, [provenance]: "true" },
    });
    expect(asked.code, asked.output).not.toBe(0);
    expect(asked.output).toMatch(/provenance/i);
  });

  it("moves alone when it has something new", { timeout: 300_000 }, async () => {
    await writeFile(join(tree, ".changeset/new.md"), `---\n"${adapter}": minor\n---\n\nSomething new.\n`);
    await release();
    expect(versions()).toEqual(new Map([...first, [adapter, "1.1.0"]]));
    for (const [name, version] of first)
      expect(await published(name), name).toEqual(name === adapter ? ["1.0.0", "1.1.0"] : [version]);
  });

  it.each(managers)("is upgraded alone with $manager", { timeout: 300_000 }, async ({ manager, upgrade, node }) => {
    await inProject(manager, upgrade, adapter);
    expect(await inProject(manager, node, "--eval", versionsIn)).toBe("1.1.0\n1.0.0\n1.0.0\n");
    expect(await inProject(manager, node, "consumer.mjs")).toBe(printed?.code);
  });
});

describe("npm create @kit", () => {
  it.each([
    { manager: "npm", create: ["npm", "create", "@kit", "--"], file: "package.json" },
    { manager: "pnpm", create: ["pnpm", "create", "@kit"], file: "pnpm-workspace.yaml" },
    { manager: "yarn", create: ["npx", "--yes", yarn, "create", "@kit"], file: ".yarnrc.yml" },
  ])("is the same with $manager", { timeout: 300_000 }, async ({ manager, create, file }) => {
    const folder = join(place, `create-${manager}`);
    await mkdir(folder);
    const [command, ...args] = [...create, "shop", "--template", "addsvc", "--yes"];
    expect(await succeed(command, args, folder)).toContain(
      `shop starts from addsvc. Next:\n\n  cd shop\n  ${manager} install\n`,
    );
    expect(await readdir(join(folder, "shop"))).toContain(file);
  });
});

describe.each(apps)("a project from %s", (app) => {
  const folder = () => join(place, "projects", `my-${app}`);

  it("has the versions of the release", { timeout: 300_000 }, async () => {
    await mkdir(join(place, "projects"), { recursive: true });
    await succeed("npm", ["create", "@kit", "--", `my-${app}`, "--template", app, "--yes"], join(place, "projects"));
    const { dependencies, devDependencies } = readJson(join(folder(), "package.json"));
    const ours = Object.entries({ ...dependencies, ...devDependencies }).filter(([name]) => name.startsWith("@kit/"));
    expect(ours).toEqual(ours.map(([name]) => [name, `^${first.get(name)}`]));
  });
});

describe.each(chosen)("a project from %s", (app) => {
  const folder = () => join(place, "projects", `my-${app}`);

  it("installs, starts, and passes its own tests", { timeout: 900_000 }, async () => {
    await succeed("npm", ["install", "--no-audit"], folder());
    const call = calls[app];
    if (call === undefined) await succeed("npm", ["start", "--", "--once"], folder());
    else await expectAnswer(call);
    await succeed("npm", ["run", "typecheck"], folder());
    expect(await succeed("npm", ["test"], folder())).toMatch(/Tests .*\d passed/);
  });

  async function expectAnswer({ flags, address, call: [path, ...args], reply }: (typeof calls)[string]): Promise<void> {
    // A process group of its own, for Ctrl-C reaches all of a terminal's.
    const child = spawn("npm", ["start", "--", ...flags], { cwd: folder(), env, detached: true });
    const closed = once(child, "close");
    let output = "";
    const at = await new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        output += chunk.toString();
        const [, found] = address.exec(output) ?? [];
        if (found !== undefined) resolve(found);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("close", () => reject(new Error(output)));
    });
    try {
      expect((await succeed("curl", ["--silent", `http://${at}${path}`, ...args], place)).trim()).toBe(reply);
    } finally {
      process.kill(-(child.pid ?? 0), "SIGINT");
      await closed;
    }
    expect((await run("curl", ["--silent", `http://${at}${path}`], { cwd: place })).code, "it has stopped").toBe(7);
  }
});
