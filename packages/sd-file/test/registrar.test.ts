import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { codeOf } from "@kit/endpoint";
import type { Registrar } from "@kit/sd";
import { eventually, Heard } from "@kit/servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inFolder } from "../src/folder.ts";
import { fileInstancer, fileRegistrar, type FileRegistrarOptions } from "../src/index.ts";
import { thisProcess } from "../src/owner.ts";
import { entryText, temporaryDirectory } from "./workbench.ts";

let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
let place: { directory: string; service: string };
let folder: string;
let opened: AsyncDisposable[];

beforeEach(async () => {
  temporary = await temporaryDirectory();
  place = { directory: temporary.path, service: "addsvc" };
  folder = join(place.directory, place.service);
  opened = [temporary];
});

afterEach(async () => {
  for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
});

function registering(options: Partial<FileRegistrarOptions> = {}): { registrar: Registrar; errors: Error[] } {
  const errors: Error[] = [];
  const registrar = fileRegistrar({
    ...place,
    instance: { address: "10.0.0.1:80" },
    onError: (error) => errors.push(error),
    ...options,
  });
  opened.push(registrar);
  return { registrar, errors };
}

describe("fileRegistrar", () => {
  it("puts one whole file, named for the address, and takes it away", async () => {
    const instance = { address: "10.0.0.1:80", weight: 2, zone: "z", metadata: { version: "1" } };
    const { registrar } = registering({ instance, ttlMs: 5_000 });
    const before = Date.now();
    await registrar.register();
    const names = await readdir(folder);
    expect(names).toEqual([expect.stringMatching(/^10\.0\.0\.1_80-[0-9a-f]{16}\.json$/)]);
    const entry = JSON.parse(await readFile(join(folder, names[0]!), "utf8")) as { since: number };
    expect(entry).toEqual({ version: 1, instance, ttlMs: 5_000, since: entry.since, owner: thisProcess() });
    expect(entry.since).toBeLessThanOrEqual(Date.now());
    expect(entry.since).toBeGreaterThanOrEqual(before - 1_000);
    await registrar.deregister();
    expect(await readdir(folder)).toEqual([]);
  });

  it.for([
    ["a URL", "http://user@host:80/a?b=c"],
    ["an IPv6 address", "[::1]:80"],
    ["a way out of the folder", "../../etc/passwd"],
    ["the folder above", ".."],
    ["a hidden file", ".hidden"],
    ["letters beyond ASCII", "größe:1"],
    ["a thousand letters", "a".repeat(1_000)],
    ["a line break", "a\nb"],
  ] as const)("finds a name for an address that is %s", async ([, address]) => {
    const { registrar } = registering({ instance: { address } });
    await registrar.register();
    await using instancer = fileInstancer(place);
    await new Heard(instancer).until(address);
    expect(await readdir(place.directory)).toEqual([place.service]);
  });

  it("touches its file three times as often as it must, and does not write it", async () => {
    const { registrar } = registering({ ttlMs: 150 });
    await registrar.register();
    const [name] = await readdir(folder);
    const path = join(folder, name!);
    const long = new Date(0);
    await utimes(path, long, long);
    const { ino } = await stat(path);
    await eventually(async () => (await stat(path)).mtimeMs > Date.now() - 10_000);
    expect((await stat(path)).ino).toBe(ino);
  });

  it("stays listed while an entry of the same time to live expires that nobody touches", async () => {
    const { registrar, errors } = registering({ ttlMs: 1_500 });
    await registrar.register();
    await writeFile(join(folder, "dead.json"), entryText({ ttlMs: 1_500, instance: { address: "dead" } }));
    await using instancer = fileInstancer({ ...place, pollMs: 50 });
    const heard = new Heard(instancer);
    await heard.until("10.0.0.1:80", "dead");
    await heard.until("10.0.0.1:80");
    expect(heard.events).toEqual([["10.0.0.1:80", "dead"], ["10.0.0.1:80"]]);
    expect(errors).toEqual([]);
  });

  it("writes its file again, at the next heartbeat, when something has taken it away", async () => {
    const { registrar, errors } = registering({ ttlMs: 150 });
    await registrar.register();
    await using instancer = fileInstancer(place);
    const heard = new Heard(instancer);
    await heard.until("10.0.0.1:80");
    for (const path of [join(folder, (await readdir(folder))[0]!), folder, place.directory]) {
      await rm(path, { recursive: true });
      await heard.until();
      await heard.until("10.0.0.1:80");
    }
    expect(errors.map(codeOf)).toContain("unavailable");
  });

  it("is known to have gone long before a second has passed", async () => {
    const { registrar } = registering();
    await registrar.register();
    await using instancer = fileInstancer({ ...place, pollMs: 60_000 });
    const heard = new Heard(instancer);
    await heard.until("10.0.0.1:80");
    const start = performance.now();
    await registrar.close();
    await heard.until();
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it("leaves the entry of another registrar of its address", async () => {
    const [first, second] = [registering().registrar, registering().registrar];
    await Promise.all([first.register(), second.register()]);
    expect(await readdir(folder)).toHaveLength(2);
    await first.close();
    await using instancer = fileInstancer(place);
    await new Heard(instancer).until("10.0.0.1:80");
    await second.close();
    expect(await readdir(folder)).toEqual([]);
  });

  it("closes when its folder has gone", async () => {
    const { registrar, errors } = registering();
    await registrar.register();
    await rm(folder, { recursive: true });
    await registrar.close();
    expect(errors).toEqual([]);
  });

  it("refuses a link or a file in the place of its folder, and tells strangers nothing of the path", async () => {
    const { registrar } = registering();
    await mkdir(join(place.directory, "elsewhere"));
    await symlink(join(place.directory, "elsewhere"), folder);
    const refusal = await registrar.register().catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ code: "unavailable", message: "the service directory failed: unusable" });
    expect(String((refusal as Error).cause)).toContain(folder);
    await rm(folder);
    await writeFile(folder, "");
    expect(await registrar.register().catch(codeOf)).toBe("unavailable");
    expect(await readdir(join(place.directory, "elsewhere"))).toEqual([]);
    await rm(folder);
    await registrar.register();
  });

  it("keeps no process alive; one that ends without a word is known to have", async () => {
    await using instancer = fileInstancer({ ...place, pollMs: 20 });
    const heard = new Heard(instancer);
    await heard.until();
    const script = `
      import { fileRegistrar } from "@kit/sd-file";
      const { directory, service } = ${JSON.stringify(place)};
      await fileRegistrar({ directory, service, instance: { address: "brief" }, ttlMs: 3_600_000 }).register();
      process.stdout.write("registered");
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
    });
    expect(stdout).toBe("registered");
    await eventually(async () => (await readdir(folder)).length === 0);
    // It may have been gone before it was first seen.
    await eventually(() => heard.events.at(-1)?.length === 0);
  });

  it.for([
    ["EACCES", "permission_denied"],
    ["EPERM", "permission_denied"],
    ["EROFS", "permission_denied"],
    ["ENOSPC", "resource_exhausted"],
    ["EMFILE", "resource_exhausted"],
    ["EIO", "unavailable"],
  ] as const)("gives %s the code %s", async ([code, expected]) => {
    const cause = Object.assign(new Error(`${code}: /a/path`), { code });
    await expect(inFolder(() => Promise.reject(cause))).rejects.toMatchObject({
      code: expected,
      message: `the service directory failed: ${code}`,
      cause,
    });
  });

  it.for([
    ["service", "../other", "fileRegistrar: service must be"],
    ["directory", "", "fileRegistrar: directory must be"],
    ["ttlMs", 99, "fileRegistrar: ttlMs must be"],
    ["ttlMs", NaN, "fileRegistrar: ttlMs must be"],
    ["ttlMs", 2 ** 31, "fileRegistrar: ttlMs must be"],
    ["ttlMs", "1000", "fileRegistrar: ttlMs must be"],
    ["instance", { address: "" }, "instance: address must be"],
  ] as const)("refuses %s: %o", ([option, value, message]) => {
    const make = (): unknown => registering({ [option]: value });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses an instance that no instancer would read", () => {
    const metadata = { x: "x".repeat(65_536) };
    expect(() => registering({ instance: { address: "a", metadata } })).toThrow(
      "fileRegistrar: instance must be less than 65536 bytes of JSON",
    );
  });
});
