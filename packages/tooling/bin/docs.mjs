import { onSupportedNode } from "../src/node-version.mjs";

onSupportedNode(() => import("../src/docs.mjs").then(({ docs }) => docs(process.argv.slice(2))));
