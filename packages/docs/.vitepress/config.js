import { readFileSync } from "node:fs";
import { defineConfig } from "vitepress";

const { packages, apps } = JSON.parse(readFileSync(new URL("../.generated/sidebar.json", import.meta.url), "utf8"));

// oxlint-disable-next-line import/no-default-export -- VitePress takes no other
export default defineConfig({
  title: "@kit",
  description: "A toolkit for building, calling and operating services in TypeScript.",
  srcDir: ".generated/content",
  outDir: "dist",
  cacheDir: ".generated/cache",
  cleanUrls: false,
  lastUpdated: false,
  // The fonts are those of whoever reads.
  transformHead: () => [],
  vite: { logLevel: "warn" },
  // Pages of the API reference are not VitePress's own.
  ignoreDeadLinks: [/^\/api\//],
  themeConfig: {
    search: { provider: "local" },
    nav: [
      { text: "Guide", link: "/tutorial" },
      { text: "Packages", link: "/packages" },
      { text: "API", link: "/api/index.html", target: "_self" },
    ],
    sidebar: [
      {
        text: "Guide",
        items: [
          { text: "A service, step by step", link: "/tutorial" },
          { text: "Architecture", link: "/architecture" },
          { text: "From go-kit", link: "/from-go-kit" },
          { text: "Write your own adapter", link: "/adapter" },
          { text: "Contributing", link: "/contributing" },
        ],
      },
      { text: "Apps", collapsed: true, items: apps },
      ...packages,
    ],
    outline: [2, 3],
  },
});
