export interface RecordReaderOptions<Record, Marks, Read> {
  /** What a record means, mostly an instance, or `undefined` where it is to be left out; then it is read again in the next answer. */
  readonly read: (record: Record) => Read | undefined;
  /**
   * What together tells a record and its version from all others that the reader is given, such as an id and a revision. `undefined` where the registry says
   * nothing of the kind; such a record is read each time.
   */
  readonly marks: (record: Record) => Marks | undefined;
  /** Whether these are the record's marks. Asked of every record of every answer, so it had better make nothing. */
  readonly hasMarks: (record: Record, marks: Marks) => boolean;
}

interface Known<Marks, Read> {
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
export function recordReader<Record, Marks, Read>(
  options: RecordReaderOptions<Record, Marks, Read>,
): (records: Iterable<Record>) => Read[] {
  const { read, marks: marksOf, hasMarks } = options;
  let last: Known<Marks, Read>[] = [];
  // The one before the last, to be written over: two lists serve all answers.
  let spare: Known<Marks, Read>[] = [];

  function find(record: Record, from: number): number {
    const end = Math.min(last.length, from + lookAhead);
    for (let at = from; at < end; at += 1) if (hasMarks(record, last[at]!.marks)) return at;
    return -1;
  }

  return (records) => {
    const result: Read[] = [];
    const next = spare;
    let count = 0;
    let from = 0;
    for (const record of records) {
      const at = find(record, from);
      if (at >= 0) {
        const known = last[at]!;
        from = at + 1;
        result.push(known.meaning);
        next[count++] = known;
        continue;
      }
      const meaning = read(record);
      if (meaning === undefined) continue;
      result.push(meaning);
      const marks = marksOf(record);
      if (marks !== undefined) next[count++] = { marks, meaning };
    }
    next.length = count;
    spare = last;
    last = next;
    return result;
  };
}
