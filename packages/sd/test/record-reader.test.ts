import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordReader } from "../src/index.ts";

interface Record {
  readonly id: string;
  readonly version?: number;
  readonly text?: string;
}

function counting(): { readonly reader: (records: Iterable<Record>) => { id: string }[]; readonly reads: string[] } {
  const reads: string[] = [];
  const reader = recordReader({
    read({ id, text }: Record) {
      reads.push(id);
      return text === "left out" ? undefined : { id, text };
    },
    marks: ({ id, version }) => (version === undefined ? undefined : { id, version }),
    hasMarks: ({ id, version }, marks) => id === marks.id && version === marks.version,
  });
  return { reader, reads };
}

describe("recordReader", () => {
  it("reads only what the last answer did not have, and yields the same objects for the rest", () => {
    const { reader, reads } = counting();
    const [a, b, c] = ["a", "b", "c"].map((id) => ({ id, version: 1 })) as [Record, Record, Record];
    const first = reader([a, b, c]);
    const second = reader([a, { ...b, version: 2 }, { id: "x", version: 1 }, { ...c }]);
    expect(reads).toEqual(["a", "b", "c", "b", "x"]);
    expect(second.map(({ id }) => id)).toEqual(["a", "b", "x", "c"]);
    expect([second[0], second[3]].map((each, n) => each === [first[0], first[2]][n])).toEqual([true, true]);
    reader([c]);
    reader([a]);
    expect(reads.slice(5)).toEqual(["a"]);
  });

  it("reads each time what has no marks, and what is left out", () => {
    const { reader, reads } = counting();
    const answer = [{ id: "a" }, { id: "b", version: 1, text: "left out" }];
    expect(reader(answer)).toHaveLength(1);
    expect(reader(answer)).toHaveLength(1);
    expect(reads).toEqual(["a", "b", "a", "b"]);
  });

  it("finds its way again after more has gone than it looks ahead", () => {
    const { reader, reads } = counting();
    const records = Array.from({ length: 200 }, (_, n) => ({ id: String(n), version: 1 }));
    reader(records);
    const rest = records.slice(100);
    reader(rest);
    reads.length = 0;
    reader(rest);
    expect(reads).toEqual([]);
  });

  it("keeps what it has read when a record cannot be read", () => {
    const read = recordReader({
      read: ({ id }: Record) => {
        if (id === "bad") throw new Error("bad");
        return { id };
      },
      marks: ({ id }) => id,
      hasMarks: ({ id }, mark) => id === mark,
    });
    const [a] = read([{ id: "a" }]);
    expect(() => read([{ id: "bad" }, { id: "a" }])).toThrow("bad");
    expect(read([{ id: "a" }])[0]).toBe(a);
  });

  it("yields what reading all of each answer would", () => {
    const record = fc.record({ id: fc.constantFrom("a", "b", "c", "d"), version: fc.nat({ max: 2 }) });
    const answer = fc.uniqueArray(record, { selector: ({ id }) => id });
    fc.assert(
      fc.property(fc.array(answer), (answers) => {
        const { reader } = counting();
        for (const records of answers) expect(reader(records).map(({ id }) => id)).toEqual(records.map(({ id }) => id));
      }),
    );
    const versions = fc.array(fc.array(fc.nat({ max: 2 }), { minLength: 3, maxLength: 3 }));
    fc.assert(
      fc.property(versions, (answers) => {
        const reader = recordReader({
          read: ({ id, version }: Record) => `${id}${version}`,
          marks: ({ id, version }) => `${id}${version}`,
          hasMarks: ({ id, version }, mark) => `${id}${version}` === mark,
        });
        for (const each of answers) {
          const records = each.map((version, n) => ({ id: String(n), version }));
          expect(reader(records)).toEqual(records.map(({ id, version }) => `${id}${version}`));
        }
      }),
    );
  });
});
