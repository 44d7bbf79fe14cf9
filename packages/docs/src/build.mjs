import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { writeReference } from "./reference.mjs";
import { site } from "./site.mjs";

const own = fileURLToPath(new URL("..", import.meta.url));
const generated = join(own, ".generated");

// What VitePress reads is made anew: pages that have gone must not stay.
await rm(generated, { recursive: true, force: true });
const { pages, sidebar } = site();
for (const [path, text] of pages) {
  const file = join(generated, "content", path);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, text);
}
await writeFile(join(generated, "sidebar.json"), JSON.stringify(sidebar));

// A dead link ends it.
await build(own);
await writeReference(join(own, "dist/api"));
process.stdout.write(`${pages.size} pages and the API reference are in packages/docs/dist\n`);
