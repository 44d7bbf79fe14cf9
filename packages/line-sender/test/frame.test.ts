import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newline, octetCounting, unframed } from "../src/index.ts";
import { eventually, senderTo } from "./daemon.ts";
import { fakeLink, settle } from "./fake-link.ts";

/** The lines of a stream, by the lengths in front of them. */
function counted(bytes: Buffer): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = bytes.indexOf(" ", at) + 1;
    const end = start + Number(bytes.toString("latin1", at, start - 1));
    lines.push(bytes.toString("utf8", start, end));
    at = end;
  }
  return lines;
}

describe("a frame", () => {
  it("is a newline behind each line, its length in front, or nothing", () => {
    expect(newline("ü", 2)).toBe("ü\n");
    expect(octetCounting("ü", 2)).toBe("2 ü");
    expect(unframed("ü", 2)).toBe("ü");
  });

  it("lets every line be read again, whatever is in it and however lines share packets", async () => {
    const lines = fc.array(fc.string({ unit: "grapheme", maxLength: 20 }), { maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 0, max: 64 }), async (sent, packetBytes) => {
        const { link, latest } = fakeLink(false);
        const { sender } = senderTo({ link, frame: octetCounting, packetBytes });
        for (const line of sent) expect(sender.send(line)).toBe(true);
        const closed = sender.close();
        latest()?.ready();
        await eventually(() => {
          while (latest() && settle(latest()!));
          return latest()?.state !== "open";
        });
        await closed;
        const packets = latest()?.written ?? [];
        expect(counted(Buffer.from(packets.join("")))).toEqual(sent);
        const tooLong = packets.map((packet) => Buffer.from(packet)).filter(({ length }) => length > packetBytes);
        expect(tooLong.filter((packet) => counted(packet).length > 1)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
