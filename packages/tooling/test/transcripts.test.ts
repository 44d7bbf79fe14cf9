import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";

import { kinds, whenInstalled } from "@kit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fences } from "../src/markdown.mjs";
import { run } from "../src/run.mjs";
import { lasting, sessions } from "../src/transcript.mjs";
import { readJson, root, workspacePackages } from "../src/workspace.mjs";

// What a README shows on a terminal is followed and compared; src/transcript.mjs says by which rules. That is done in a copy of the
// app, so that its files are new. The addresses are those of the README: where Linux allows it, the programs have a
// network to themselves and end with it; elsewhere a README is skipped while somebody else has one of its ports.

const alone = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"];
const loopback = "ip link set lo up";
const isolated = (await run("sh", ["-c", `${alone.join(" ")} ${loopback}`])).code === 0;

const own = { folder: ".", path: root, manifest: readJson(join(root, "package.json")) };
const readmes = [own, ...workspacePackages()]
  .filter(({ path }) => existsSync(join(path, "README.md")))
  .map(({ folder, path, manifest }) => ({ folder, manifest, text: readFileSync(join(path, "README.md"), "utf8") }));
const followed = readmes.flatMap(({ folder, text }) =>
  sessions(text).map((session, number) => ({ folder, number, ...session })),
);
type Followed = (typeof followed)[number];
type Step = Followed["steps"][number];
type Came = Step & { readonly got: string };

let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "kit-transcripts-"));
  for (const entry of await readdir(root)) if (entry !== "apps") await symlink(join(root, entry), join(place, entry));
  for (const app of await readdir(join(root, "apps"))) {
    const [from, to] = [join(root, "apps", app), join(place, "apps", app)];
    await mkdir(to, { recursive: true });
    const filter = (path: string) => !/^node_modules$|\.db/.test(basename(path));
    await cp(from, to, { recursive: true, preserveTimestamps: true, filter });
    await symlink(join(from, "node_modules"), join(to, "node_modules"));
  }
});

afterAll(() => rm(place, { recursive: true, force: true }));

function itHolds({ folder, number, title, steps }: Followed): void {
  it(`prints what it says, from "${title}"`, { timeout: 180_000 }, async ({ skip }) => {
    const taken = isolated ? undefined : await takenPort(steps);
    if (taken !== undefined) skip(`port ${taken} is taken`);
    const follower = `exec "${process.execPath}" "${join(root, "packages/tooling/bin/follow.mjs")}" ${number}`;
    const [program = "", ...args] = isolated
      ? [...alone, "sh", "-c", `${loopback} && ${follower}`]
      : ["sh", "-c", follower];
    const { code, stdout, output } = await run(program, args, {
      cwd: join(place, folder),
      env: { ...process.env, PATH: [process.env["PATH"], "/usr/sbin"].join(delimiter) },
    });
    expect(code, output).toBe(0);
    const came: readonly Came[] = JSON.parse(stdout);
    for (const { line, command, printed, got } of came) {
      expect(lasting(got), `${folder}/README.md:${line} ${command}`).toBe(lasting(printed));
    }
    expect(came).toHaveLength(steps.length);
  });
}

async function takenPort(steps: readonly Step[]): Promise<string | undefined> {
  const ports = steps.flatMap(({ command, printed }) => `${command}\n${printed}`.match(/(?<=:)\d{4}\b/g) ?? []);
  for (const port of new Set(ports)) if (await isTaken(Number(port))) return port;
  return undefined;
}

async function isTaken(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
    return false;
  } catch {
    return true;
  } finally {
    server.close();
  }
}

describe.each(readmes)("$folder/README.md", ({ manifest, text }) => {
  it("names scripts that there are", () => {
    const shell = fences(text).filter(({ language }) => language === "sh");
    const named = shell.flatMap(({ code }) =>
      Array.from(
        code.matchAll(/\bnpm (?:run (?:--silent )?(?=\w)|(?=start\b|test\b))([\w:]+)/g),
        ([, script]) => script,
      ),
    );
    const scripts = Object.keys({ ...own.manifest.scripts, ...manifest.scripts });
    expect(scripts).toEqual(expect.arrayContaining(named));
  });
});

describe.each(followed)("$folder/README.md", (readme) => {
  const programs = new Set(readme.steps.flatMap(({ command }) => command.split(/\s+/)));
  const needed = kinds.find(({ needs }) => needs.some((need) => programs.has(need)));
  if (needed === undefined) itHolds(readme);
  else whenInstalled(needed, () => itHolds(readme));
});
