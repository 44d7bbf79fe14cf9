import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { appendFile, mkdir, readdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Instancer } from "@kit/sd";
import { eventually, Heard, registeredProcess } from "@kit/servers";
import { fileInstancer, type FileInstancerOptions, fileRegistrar } from "../src/index.ts";
import { thisProcess } from "../src/owner.ts";
import { entryText, registrarScript, temporaryDirectory } from "./workbench.ts";

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

/** Once a minute, so that whatever is told sooner was reported by the system. */
const seldom = 60_000;

function watching(options: Partial<FileInstancerOptions> = {}): {
  instancer: Instancer;
  heard: Heard;
  errors: string[];
} {
  const errors: string[] = [];
  const instancer = fileInstancer({
    ...place,
    pollMs: seldom,
    onError: (error) => errors.push(error.message.replace(folder, "")),
    ...options,
  });
  opened.push(instancer);
  return { instancer, heard: new Heard(instancer), errors };
}

async function put(name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `.${name}.new`), text);
  await rename(join(folder, `.${name}.new`), join(folder, name));
}

describe("fileInstancer", () => {
  it("makes the directory, however deep, and tells what comes and goes as it happens", async () => {
    place = { ...place, directory: join(place.directory, "a", "b") };
    folder = join(place.directory, place.service);
    const { heard } = watching();
    await heard.until();
    await put("one.json", entryText({}));
    await heard.until("a");
    await put("two.json", entryText({ instance: { address: "b" } }));
    await heard.until("a", "b");
    await rm(join(folder, "one.json"));
    await heard.until("b");
    expect(heard.events).toEqual([[], ["a"], ["a", "b"], ["b"]]);
  });

  it("knows nothing of the other services in the directory", async () => {
    const { heard } = watching();
    await heard.until();
    await mkdir(join(place.directory, "addsvc2"));
    await writeFile(join(place.directory, "addsvc2", "one.json"), entryText({ instance: { address: "other" } }));
    await put("one.json", entryText({}));
    await heard.until("a");
    expect(heard.events).toEqual([[], ["a"]]);
  });

  it("ignores what is no entry, says so once, and lists the others", async () => {
    await mkdir(folder);
    const wrong: Record<string, string> = {
      "empty.json": "",
      "half.json": entryText({}).slice(0, -5),
      "null.json": "null",
      "version.json": entryText({ version: 2 }),
      "address.json": entryText({ instance: { address: 7 } }),
      "weight.json": entryText({ instance: { address: "a", weight: -1 } }),
      "ttl.json": entryText({ ttlMs: 0 }),
      "since.json": entryText({ since: "today" }),
      "pid.json": entryText({ owner: { pid: 0, space: "" } }),
      "owner.json": entryText({ owner: null }),
      "huge.json": entryText({ instance: { address: "a", metadata: { x: "x".repeat(65_536) } } }),
    };
    for (const [name, text] of Object.entries(wrong)) await writeFile(join(folder, name), text);
    await writeFile(join(place.directory, "elsewhere.json"), entryText({ instance: { address: "elsewhere" } }));
    await symlink(join(place.directory, "elsewhere.json"), join(folder, "link.json"));
    await mkdir(join(folder, "folder.json"));
    execFileSync("sh", ["-c", `mkfifo "$0"`, join(folder, "pipe.json")]);
    await writeFile(join(folder, "README"), "no entry by its name");
    await writeFile(join(folder, ".hidden.json"), entryText({ instance: { address: "hidden" } }));
    const { heard, errors } = watching({ pollMs: 5 });
    await heard.until();
    await put("good.json", entryText({ instance: { address: "good" } }));
    await heard.until("good");
    await rm(join(folder, "good.json"));
    await heard.until();
    const ignored = errors.toSorted().map((message) => message.split(" is ignored: "));
    expect(ignored.map(([name]) => name)).toEqual(
      [...Object.keys(wrong), "link.json", "folder.json", "pipe.json"].map((name) => `/${name}`).toSorted(),
    );
    expect(Object.fromEntries(ignored)).toMatchObject({
      "/version.json": "entry: version must be 1",
      "/address.json": "instance: address must be a string that is not empty, got 7",
      "/ttl.json": "entry: ttlMs must be a positive number",
      "/huge.json": expect.stringMatching(/^entry: \d+ bytes are more than 65536$/) as string,
      "/pipe.json": "entry: not a regular file",
    });
  });

  it("lists an entry that was written in pieces once it is whole", async () => {
    const { heard, errors } = watching();
    await heard.until();
    const text = entryText({});
    await writeFile(join(folder, "slow.json"), text.slice(0, 20));
    await eventually(() => errors.length > 0);
    await appendFile(join(folder, "slow.json"), text.slice(20));
    await heard.until("a");
    expect(heard.events).toEqual([[], ["a"]]);
  });

  it("tells what an entry has become when another takes its place", async () => {
    const { instancer, heard } = watching();
    const weights: unknown[] = [];
    instancer.subscribe(({ instances }) => weights.push(...instances!.map(({ weight }) => weight)));
    await put("one.json", entryText({ instance: { address: "a", weight: 2 } }));
    await heard.until("a");
    await put("one.json", entryText({ instance: { address: "a", weight: 3 } }));
    await eventually(() => weights.length > 1);
    expect(weights).toEqual([2, 3]);
  });

  it("keeps what an entry said, until it expires, when it makes no sense any more", async () => {
    let ahead = 0;
    const { heard, errors } = watching({ pollMs: 5, now: () => Date.now() + ahead });
    await put("one.json", entryText({}));
    await heard.until("a");
    await put("one.json", "nonsense");
    await eventually(() => errors.length > 0);
    expect(heard.events.at(-1)).toEqual(["a"]);
    ahead = 61_000;
    await heard.until();
    expect(errors).toHaveLength(1);
  });

  it("lets an entry expire that has not been touched for the time it says, and lists it again when it is", async () => {
    let ahead = 0;
    const { heard } = watching({ pollMs: 5, now: () => Date.now() + ahead });
    await put("one.json", entryText({}));
    await put("two.json", entryText({ instance: { address: "b" }, ttlMs: 120_000 }));
    await heard.until("a", "b");
    ahead = 61_000;
    await heard.until("b");
    const touched = new Date(Date.now() + ahead);
    await utimes(join(folder, "one.json"), touched, touched);
    await heard.until("a", "b");
    ahead = 2 * 61_000;
    await heard.until();
    expect(heard.events.slice(-4)).toEqual([["a", "b"], ["b"], ["a", "b"], []]);
  });

  it("tells that an entry has expired when it has, however seldom it looks", async () => {
    const { heard } = watching();
    const start = Date.now();
    await put("one.json", entryText({ ttlMs: 200 }));
    await heard.until("a");
    await heard.until();
    expect(Date.now() - start).toBeGreaterThanOrEqual(190);
  });

  it("tells of an entry that expires while it is told of", async () => {
    let ahead = 0;
    const { heard, instancer } = watching({ now: () => Date.now() + ahead });
    instancer.subscribe(({ instances }) => {
      if (instances?.length === 1) ahead = 60_000;
    });
    await heard.until();
    await put("one.json", entryText({ ttlMs: 60_000 }));
    await heard.until("a");
    await heard.until();
    expect(heard.events).toEqual([[], ["a"], []]);
  });

  it("lets an entry expire that was touched in a time to come", async () => {
    const { heard } = watching();
    await put("one.json", entryText({ ttlMs: 300 }));
    const later = new Date(Date.now() + 3_600_000);
    await utimes(join(folder, "one.json"), later, later);
    await heard.until("a");
    await heard.until();
    expect(heard.events.slice(-2)).toEqual([["a"], []]);
  });

  it("does not list what has expired before it started", async () => {
    await put("one.json", entryText({}));
    const before = new Date(Date.now() - 61_000);
    await utimes(join(folder, "one.json"), before, before);
    const { heard } = watching();
    await heard.until();
    expect(heard.events).toEqual([[]]);
  });

  it("tells within a poll that a process was killed", async () => {
    const { heard } = watching({ pollMs: 50 });
    const child = await registeredProcess(registrarScript, { ...place, instance: { address: "a" }, ttlMs: 3_600_000 });
    opened.push(child);
    await heard.until("a");
    await child.kill();
    await heard.until();
    await eventually(async () => (await readdir(folder)).length === 0);
    expect(heard.events.slice(-2)).toEqual([["a"], []]);
  });

  it("goes by a process number only where it counts", async () => {
    const { heard } = watching({ pollMs: 5 });
    // Beyond what Linux gives to any process.
    const pid = 2 ** 22 + 1;
    await put("far.json", entryText({ instance: { address: "far" }, owner: { pid, space: "another boot pid:[1]" } }));
    await put("living.json", entryText({ instance: { address: "living" }, owner: thisProcess() }));
    await put("unknown.json", entryText({ instance: { address: "unknown" } }));
    await heard.until("far", "living", "unknown");
    await put("dead.json", entryText({ instance: { address: "dead" }, owner: { ...thisProcess(), pid } }));
    await eventually(async () => !(await readdir(folder)).includes("dead.json"));
    expect(heard.events.at(-1)).toEqual(["far", "living", "unknown"]);
  });

  it("lists an address of two entries once, as the later says, and as long as one of them is there", async () => {
    const { instancer, heard } = watching();
    const weights: unknown[] = [];
    instancer.subscribe(({ instances }) => weights.push(instances!.map(({ weight }) => weight)));
    await heard.until();
    await put("new.json", entryText({ since: 2, instance: { address: "a", weight: 2 } }));
    await heard.until("a");
    await put("old.json", entryText({ since: 1, instance: { address: "a", weight: 1 } }));
    await put("other.json", entryText({ instance: { address: "b", weight: 0 } }));
    await heard.until("a", "b");
    await rm(join(folder, "new.json"));
    await eventually(() => weights.length === 4);
    await rm(join(folder, "old.json"));
    await heard.until("b");
    expect(weights).toEqual([[], [2], [2, 0], [1, 0], [0]]);
  });

  it("goes on when the folder is removed, and is told of changes in the one that takes its place", async () => {
    const { heard } = watching();
    await put("one.json", entryText({}));
    await heard.until("a");
    for (const address of ["b", "c"]) {
      await rm(folder, { recursive: true });
      await heard.until();
      await eventually(() =>
        put("one.json", entryText({ instance: { address } })).then(
          () => true,
          () => false,
        ),
      );
      await heard.until(address);
    }
    expect(heard.events.slice(-5)).toEqual([["a"], [], ["b"], [], ["c"]]);
  });

  it("is told of changes in a folder that was made again before it could tell", async () => {
    const { heard } = watching();
    await put("one.json", entryText({}));
    await heard.until("a");
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    await heard.until();
    await put("one.json", entryText({ instance: { address: "b" } }));
    await heard.until("b");
    expect(heard.events.slice(-3)).toEqual([["a"], [], ["b"]]);
  });

  it("finds the entries of a folder that was put in the place of another", async () => {
    const { heard } = watching();
    await put("one.json", entryText({}));
    await heard.until("a");
    await rename(folder, `${folder}.old`);
    await put("one.json", entryText({ instance: { address: "b" } }));
    await heard.until("b");
    await put("two.json", entryText({ instance: { address: "c" } }));
    await heard.until("b", "c");
    expect(heard.events).not.toContain("unavailable");
  });

  it("refuses a link in the place of the folder, and recovers", async () => {
    await mkdir(join(place.directory, "elsewhere"));
    await symlink(join(place.directory, "elsewhere"), folder);
    const { instancer, heard } = watching({ pollMs: 50 });
    await heard.until("unavailable");
    expect(instancer.status.error?.message).not.toContain(folder);
    expect(String(instancer.status.error?.cause)).toContain(`${folder} is not a directory`);
    await rm(folder);
    await heard.until();
  });

  it("removes what the dead have left once it is certain that they are", async () => {
    let ahead = 0;
    const { heard } = watching({ pollMs: 5, now: () => Date.now() + ahead });
    await put("one.json", entryText({ ttlMs: 1_000 }));
    await put("live.json", entryText({ instance: { address: "b" }, ttlMs: 600_000 }));
    await writeFile(join(folder, ".two.json.tmp"), "half");
    await writeFile(join(folder, "three.json"), "not ours");
    await heard.until("a", "b");
    ahead = 9_000;
    await heard.until("b");
    expect(await readdir(folder)).toHaveLength(4);
    ahead = 61_000;
    await eventually(async () => (await readdir(folder)).length === 2);
    expect((await readdir(folder)).toSorted()).toEqual(["live.json", "three.json"]);
  });

  it("lets errors of its user's callback be heard, and goes on", async () => {
    const thrown: unknown[] = [];
    const failing = new Error("of the callback");
    vi.stubGlobal("queueMicrotask", (task: () => void) => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    });
    await put("wrong.json", "");
    await put("one.json", entryText({}));
    const { heard } = watching({
      onError() {
        throw failing;
      },
    });
    await heard.until("a");
    vi.unstubAllGlobals();
    expect(thrown).toContain(failing);
  });

  it.for([
    ["service", ""],
    ["service", ".."],
    ["service", "."],
    ["service", ".hidden"],
    ["service", "../other"],
    ["service", "a/b"],
    ["service", "a\\b"],
    ["service", "a\0b"],
    ["service", "a b"],
    ["service", "é"],
    ["service", "a".repeat(129)],
    ["service", 7],
    ["directory", ""],
    ["directory", "a\0b"],
    ["directory", undefined],
    ["pollMs", 0],
    ["pollMs", NaN],
    ["pollMs", Infinity],
    ["pollMs", "1000"],
  ] as const)("refuses %s: %o", ([option, value]) => {
    const make = (): unknown => fileInstancer({ ...place, [option]: value });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`fileInstancer: ${option} must be`);
  });

  it.for(["a", "A-1_b.c", "1", "a".repeat(128)])("takes %s as a service", async (service) => {
    await using instancer = fileInstancer({ ...place, service });
    await using registrar = fileRegistrar({ ...place, service, instance: { address: "a" } });
    await registrar.register();
    const heard = new Heard(instancer);
    await heard.until("a");
    expect(heard.events.at(-1)).toEqual(["a"]);
  });
});
