import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/**
 * What the compiler does for a service is what an editor does at each keystroke in the file of its contract. Its own counts are
 * asserted, which are the same on every machine, where times are not.
 *
 * TypeScript 7.0.2 with zod 4.6.7, for 100 methods: 206_000 instantiations and 39_700 types, of which 9_600 and 8_700 are the
 * schemas' own; checked in 0.5 s on 2 shared cores. The bounds leave half as much again to other versions of either.
 */
const boundOfInstantiations = 300_000;
const boundOfTypes = 60_000;

const run = promisify(execFile);
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

/** A contract of so many methods, its handlers, and calls to them that the compiler has to see through. */
function program(methods: number): string {
  const each = (write: (i: number) => string): string => Array.from({ length: methods }, (_, i) => write(i)).join("\n");
  return `
import { background } from "@kit/endpoint";
import { z } from "zod";
import { connectLocal, declaredError, defineService, implement } from "../../../src/index.ts";

const Things = defineService("things", {${each(
    (i) => `
  get${i}: {
    request: z.object({
      id${i}: z.string(),
      page: z.coerce.number().default(1),
      filter: z.object({ from: z.coerce.date<Date | string>(), tags: z.array(z.string()).optional() }),
    }),
    response: z.object({
      items${i}: z.array(z.object({ id: z.string(), at: z.coerce.date<Date | string>(), total: z.number() })),
      next: z.string().optional(),
    }),
    errors: { not_found: z.object({ id${i}: z.string() }), resource_exhausted: z.object({ limit: z.number() }) },
    http: "GET /things${i}/{id${i}}",
    idempotent: true,
  },`,
  )}
});

const endpoints = implement(Things, {${each(
    (i) => `
  async get${i}({ id${i}, page, filter }) {
    return { items${i}: [{ id: id${i}, at: filter.from, total: page }] };
  },`,
  )}
});

const client = connectLocal(Things, endpoints);
export async function calls() {${each(
    (i) => `
  try {
    const { items${i} } = await client.get${i}({ id${i}: "a", filter: { from: "2020-02-29" } }, background);
    items${i}[0]?.at.getTime();
    // @ts-expect-error the types are there, not any
    items${i}.nothing;
  } catch (error) {
    const failure = declaredError(Things.methods.get${i}, error);
    if (failure?.code === "not_found") failure.details.id${i}.length;
    // @ts-expect-error the details depend on the code
    failure?.details.id${i};
  }`,
  )}
}
`;
}

describe("a service of 100 methods", () => {
  let folder: string;
  beforeAll(async () => {
    // A folder that git ignores, within the package: the program resolves zod and the sources as its neighbours do.
    const parent = join(import.meta.dirname, ".kit");
    await mkdir(parent, { recursive: true });
    folder = await mkdtemp(join(parent, "editor-speed-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Compiles a service of so many methods and returns the compiler's counts. */
  async function compile(methods: number): Promise<{ instantiations: number; types: number }> {
    const config = {
      extends: "../../tsconfig.json",
      compilerOptions: { rootDir: "../../..", types: [] },
      include: ["."],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    await writeFile(join(folder, "things.ts"), program(methods));
    // With one checker: several would each count what they share.
    const { stdout } = await run(process.execPath, [tsc, "-p", folder, "--extendedDiagnostics", "--singleThreaded"]);
    const count = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)$`, "m").exec(stdout)?.[1]);
    return { instantiations: count("Instantiations"), types: count("Types") };
  }

  it("is light work for the compiler, and no heavier a method than a service of 10", { timeout: 60_000 }, async () => {
    const [ten, hundred] = [await compile(10), await compile(100)];
    expect(hundred.instantiations).toBeLessThan(boundOfInstantiations);
    expect(hundred.types).toBeLessThan(boundOfTypes);
    // Something was counted, and it grows with the methods, not with their square.
    expect(ten.instantiations).toBeGreaterThan(10_000);
    expect(hundred.instantiations).toBeLessThan(10 * ten.instantiations);
    expect(hundred.types).toBeLessThan(10 * ten.types);
  });
});
