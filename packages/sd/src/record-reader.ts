type Marks = readonly (string | number)[];

export interface RecordReaderOptions<Record, Read> {
  /** What a record means, mostly an instance, or `undefined` where it is to be left out; then it is read again in the next answer. */
  readonly read: (record: Record) => Read | undefined;
  /**
   * What together tells a record and its version from all others that the reader is given, such as an id and a revision. `undefined` where the registry says
   * nothing of the kind; such a record is read each time.
   */
  readonly marks: (record: Record) => Marks | undefined;
}

interface Known<Read> {
  readonly marks: Marks;
  readonly meaning: Read;
}

/** How far to look for a record of the last answer, past those that were removed or changed since. One that is further off is read again, which costs time only. */
const lookAhead = 32;

/**
 * Makes a reader of a registry's whole answers, which reads only what has changed: a record that the last answer had as well yields the same object. With ten
 * thousand instances of which a hundred change that is most of an update's cost.
 *
 * A registry whose ids or revisions may begin anew needs a new reader then.
 */
export function recordReader<Record, Read>({
  read,
  marks: marksOf,
}: RecordReaderOptions<Record, Read>): (records: Iterable<Record>) => Read[] {
  let last: readonly Known<Read>[] = [];

  function find(marks: Marks, from: number): number {
    const end = Math.min(last.length, from + lookAhead);
    for (let at = from; at < end; at += 1) if (sameMarks(last[at]!.marks, marks)) return at;
    return -1;
  }

  return (records) => {
    const result: Read[] = [];
    const next: Known<Read>[] = [];
    let from = 0;
    for (const record of records) {
      const marks = marksOf(record);
      const at = marks === undefined ? -1 : find(marks, from);
      const known = last[at];
      if (known !== undefined) from = at + 1;
      const meaning = known === undefined ? read(record) : known.meaning;
      if (meaning === undefined) continue;
      result.push(meaning);
      if (marks !== undefined) next.push(known ?? { marks, meaning });
    }
    last = next;
    return result;
  };
}

function sameMarks(a: Marks, b: Marks): boolean {
  for (let n = 0; n < b.length; n += 1) if (a[n] !== b[n]) return false;
  return true;
}
