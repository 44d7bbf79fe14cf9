// A program: one end of one contender, found in a folder.
import { answerAsEnd } from "../end.ts";
import { inFlight } from "../http/sum.ts";
import { contenders } from "./contenders.ts";

let calls = 0;

answerAsEnd(contenders, inFlight, async (call) => {
  const a = (calls += 1);
  const { v } = await call({ a, b: 1 });
  if (v !== a + 1) throw new Error(`not the answer to ${a} + 1: ${v}`);
});
