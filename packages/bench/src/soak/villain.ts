// A program: a server that is registered like the others, for a moment now and then, and does not do as they do. Usage: node villain.js <place>
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileRegistrar } from "@kit/sd-file";
import { answer } from "../child.ts";
import { Sum } from "../whole-chain/contract.ts";
import { isNonsense, type Misdeed, misdeeds } from "./misdeeds.ts";

/** To be there for so many ms, or what came of it so far. Both are answered with how many replies looked like an answer and were none. */
export type VillainQuestion = "nonsense" | { readonly misdeed: Misdeed; readonly ms: number };

let misdeed: Misdeed = "reset";
let nonsense = 0;

const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    // The head may come before the body.
    if (!chunk.toString("latin1").endsWith("}")) return;
    if (isNonsense(misdeed)) nonsense += 1;
    misdeeds[misdeed](socket);
  });
}).listen(0, "127.0.0.1");
const listening = once(server, "listening");

answer(async (question: VillainQuestion) => {
  if (question === "nonsense") return nonsense;
  await listening;
  misdeed = question.misdeed;
  const instance = { address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  const registrar = fileRegistrar({ directory: process.argv[2]!, service: Sum.name, instance });
  await registrar.register();
  await pause(question.ms);
  await registrar.close();
  return nonsense;
});
