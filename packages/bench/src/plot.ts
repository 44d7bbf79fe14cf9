import { amount } from "./amount.ts";
import { spoken } from "./judged.ts";
import type { Reported } from "./report.ts";

const [width, nameWidth, barHeight, gap, margin] = [900, 280, 18, 6, 24];
const barWidth = width - nameWidth - 2 * margin - 90;

/** Contenders further apart than this are drawn by the logarithm, or the least would not be seen. */
const logarithmicFrom = 30;

/** The results as one picture: a bar is a median, the line in it reaches over the middle half; ours is in a colour of its own. Shorter is faster. */
export function plot(results: readonly Reported[]): string {
  let top = margin;
  const groups = results.map((result) => {
    const drawn = group(result, top);
    top += drawn.height + margin;
    return drawn.svg;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img">`,
    `<style>${style}</style>`,
    `<rect class="page" width="${width}" height="${top}"/>`,
    ...groups,
    "</svg>",
    "",
  ].join("\n");
}

const style = `
  text { font: 13px system-ui, sans-serif; fill: #222 } .title { font-weight: 600; font-size: 15px } .name, .scale { fill: #555 }
  .page { fill: #fff } .bar { fill: #b8c0cc } .ours { fill: #2f6fde } .half { stroke: #222; stroke-width: 1.5 }
  .met { fill: #23803c } .missed { fill: #b3261e } .claim { font-size: 12px }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6 } .name, .scale { fill: #a8adb5 } .page { fill: #16181c } .bar { fill: #4a525e } .ours { fill: #6b9dff }
    .half { stroke: #e6e6e6 } .met { fill: #6fcf87 } .missed { fill: #ff8a80 }
  }`;

function group(
  { title, unit, contenders, claims, course }: Reported,
  top: number,
): { readonly svg: string; readonly height: number } {
  const medians = contenders.map(({ median }) => median);
  const [least, most] = [Math.min(...medians), Math.max(...contenders.map(({ high }) => high))];
  const logarithmic = most > logarithmicFrom * least;
  const along = (cost: number): number =>
    barWidth * (logarithmic ? Math.log(Math.max(1, (10 * cost) / least)) / Math.log((10 * most) / least) : cost / most);
  const left = margin + nameWidth;
  const lines = [
    `<text class="title" x="${margin}" y="${top + 14}">${escaped(title)}</text>`,
    ...(logarithmic
      ? [`<text class="scale" x="${width - margin}" y="${top + 14}" text-anchor="end">logarithmic</text>`]
      : []),
  ];
  let y = top + 26;
  for (const { name, ours, median, low, high } of contenders) {
    const middle = y + barHeight / 2;
    lines.push(
      `<text class="name" x="${left - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
      `<rect class="${ours ? "ours" : "bar"}" x="${left}" y="${y}" width="${along(median).toFixed(1)}" height="${barHeight}" rx="2"/>`,
      `<line class="half" x1="${(left + along(low)).toFixed(1)}" x2="${(left + along(high)).toFixed(1)}" y1="${middle}" y2="${middle}"/>`,
      `<text x="${(left + along(Math.max(median, high)) + 8).toFixed(1)}" y="${middle + 4}">${amount(median, unit)}</text>`,
    );
    y += barHeight + gap;
  }
  const say = (said: string, met: boolean, x: number): void => {
    const verdict = met ? "met" : "missed";
    lines.push(`<text class="claim ${verdict}" x="${x}" y="${y + 12}">${escaped(said)}, ${verdict}</text>`);
    y += 17;
  };
  for (const claim of claims) {
    const [whose, figure, , goal] = spoken(claim, unit);
    say(`${whose}: ${figure}, ${goal}`, claim.met, left);
  }
  for (const { what, found, goal, met } of course?.checks ?? []) say(`${what}: ${found}, goal ${goal}`, met, margin);
  return { svg: lines.join("\n"), height: y - top };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
