import { onSupportedNode } from "../src/node-version.mjs";

onSupportedNode(() => import("../src/bench.mjs").then(({ bench }) => bench(process.argv.slice(2))));
