// A program: one end of one contender, found at the broker's URL.
import { answerAsEnd } from "../end.ts";
import { contenders } from "./contenders.ts";
import { inFlight, request } from "./sum.ts";

answerAsEnd(contenders, inFlight, async (call) => {
  const { v } = await call(request);
  if (v !== 3) throw new Error(`not the answer: ${v}`);
});
