/** One page without a build: it asks for `/debug/state` each second. */
export const debugPage: { readonly headers: Readonly<Record<string, string>>; readonly html: string } = {
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
  },
  html: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>apigateway</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; --line: #8884; --server: #4c78a8; --client: #72b7b2; --bad: #e45756; }
  body { font: 14px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.3rem; } h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
  code { font: 12px ui-monospace, monospace; }
  li { margin: .1rem 0; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
  th { font-weight: 600; }
  td.spans { width: 45%; }
  .span { position: relative; height: 1.25rem; white-space: nowrap; }
  .bar { position: absolute; top: .1rem; height: 1.05rem; min-width: 2px; border-radius: 2px; background: var(--server); opacity: .35; }
  .client .bar { background: var(--client); }
  .failed .bar { background: var(--bad); }
  .label { position: relative; padding-left: .3rem; font-size: 12px; }
  .failed > .label, td.failed { color: var(--bad); }
  #stale { color: var(--bad); visibility: hidden; }
</style>
<h1>apigateway <small id="stale">does not answer</small></h1>
<h2>Instances</h2>
<ul id="instances"></ul>
<h2>The last traces</h2>
<table>
  <thead><tr><th>began<th>trace<th>caller<th>call<th>outcome<th>spans</thead>
  <tbody id="traces"></tbody>
</table>
<p id="none">None yet: make a call.</p>
<script>
  const byId = (id) => document.getElementById(id);
  const make = (name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const cell = (row, content, className) => {
    const td = make("td", undefined, className);
    td.append(content);
    row.append(td);
    return td;
  };
  const spanBar = (span, begin, whole) => {
    const failed = span.outcome === "ok" ? "" : " failed";
    const line = make("div", undefined, "span " + span.kind + failed);
    const bar = make("div", undefined, "bar");
    bar.style.left = (100 * (span.startMs - begin)) / whole + "%";
    bar.style.width = (100 * span.tookMs) / whole + "%";
    const at = span.instance ? " at " + span.instance : "";
    const outcome = failed ? ", " + span.outcome : "";
    line.append(bar, make("span", span.name + at + ", " + span.tookMs.toFixed(1) + " ms" + outcome, "label"));
    return line;
  };
  const traceRow = ({ traceId, spans }) => {
    const row = make("tr");
    const first = spans.find(({ kind }) => kind === "server") ?? spans[0];
    const begin = Math.min(...spans.map(({ startMs }) => startMs));
    const whole = Math.max(...spans.map(({ startMs, tookMs }) => startMs + tookMs)) - begin || 1;
    cell(row, new Date(first.startMs).toLocaleTimeString("en-GB"));
    cell(row, make("code", traceId));
    cell(row, first.caller ?? "");
    cell(row, first.name);
    cell(row, first.outcome, first.outcome === "ok" ? "" : "failed");
    cell(row, "", "spans").append(...spans.map((span) => spanBar(span, begin, whole)));
    return row;
  };
  const show = ({ instances, traces }) => {
    byId("instances").replaceChildren(
      ...Object.entries(instances).map(([service, addresses]) => {
        const item = make("li", service + ": ");
        item.append(make("code", addresses.join(", ") || "none"));
        return item;
      }),
    );
    byId("traces").replaceChildren(...traces.map(traceRow));
    byId("none").hidden = traces.length > 0;
  };
  const look = async () => {
    try {
      show(await (await fetch("/debug/state")).json());
      byId("stale").style.visibility = "hidden";
    } catch {
      byId("stale").style.visibility = "visible";
    }
    setTimeout(look, 1000);
  };
  look();
</script>
</html>
`,
};
