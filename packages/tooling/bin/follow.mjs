import { readFileSync } from "node:fs";

import { follow } from "../src/follow.mjs";
import { sessions } from "../src/transcript.mjs";

// What test/transcripts.test.ts runs in a network of its own: one session of a README, in the working folder.
const [number] = process.argv.slice(2);
const session = sessions(readFileSync("README.md", "utf8"))[Number(number)];
if (session === undefined) throw new Error(`README.md has no session ${number}`);
console.log(JSON.stringify(await follow(session)));
