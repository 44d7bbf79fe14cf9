import { onSupportedNode } from "../src/node-version.mjs";

onSupportedNode(() => import("../src/start.mjs").then(({ start }) => start(process.argv.slice(2))));
