/** One line of Prometheus's text format that is no comment. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** Reads the text format as Prometheus does, and throws at what it would refuse: the whole page is then lost. */
export function parse(page: string): Sample[] {
  const seen = new Set<string>();
  return page
    .split("\n")
    .filter((text) => text !== "" && !text.startsWith("#"))
    .map((text) => {
      const [, name, inBraces = "", value] = line.exec(text) ?? fail(`no sample: ${text}`);
      const labels: Record<string, string> = {};
      label.lastIndex = 0;
      while (label.lastIndex < inBraces.length) {
        const [, key, escaped] = label.exec(inBraces) ?? fail(`no labels: ${text}`);
        if (Object.hasOwn(labels, key!)) fail(`a label twice: ${text}`);
        labels[key!] = escaped!.replaceAll(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
      }
      const series = name + JSON.stringify(Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1)));
      if (seen.has(series)) fail(`a series twice: ${text}`);
      seen.add(series);
      const number = value === "+Inf" ? Infinity : Number(value);
      if (Number.isNaN(number)) fail(`no number: ${text}`);
      return { name: name!, labels, value: number };
    });
}

/** The value of one series; an empty label is none. */
export function find(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const wanted = Object.entries(labels).filter(([, value]) => value !== "");
  return samples.find(
    (sample) =>
      sample.name === name &&
      Object.keys(sample.labels).length === wanted.length &&
      wanted.every(([key, value]) => sample.labels[key] === value),
  )?.value;
}

function fail(message: string): never {
  throw new Error(message);
}
