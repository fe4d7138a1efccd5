// parts: what several views show alike: a figure with its interval, a confusion, a bar of the labelled share.
import { h, s, table } from "./dom.js";
import * as f from "./format.js";

// Where a proportion lies between 0 and 1, with its interval: the same scale everywhere.
export function whisker(p, width = 120, from = 0) {
  const x = (v) => (1 + ((v - from) / (1 - from)) * (width - 2)).toFixed(1);
  const box = s("svg", { class: "whisker", viewBox: `0 0 ${width} 12`, width, height: 12, "aria-hidden": "true" },
    s("line", { class: "axis", x1: 1, x2: width - 1, y1: 6, y2: 6 }),
    [from, (1 + from) / 2, 1].map((v) => s("line", { class: "axis", x1: x(v), x2: x(v), y1: 3.5, y2: 8.5 })));
  if (f.isNumber(p?.low) && f.isNumber(p?.high))
    box.append(s("rect", { class: "band", x: x(p.low), y: 3, width: Math.max(1, x(p.high) - x(p.low)), height: 6 }));
  if (f.isNumber(p?.value)) box.append(s("line", { class: "tick", x1: x(p.value), x2: x(p.value), y1: 0.5, y2: 11.5 }));
  return box;
}

// A figure with what it stands on.  extra: a line beneath, or nothing.
export function tile(name, p, { as = f.rate, labelled, extra, cls, whiskers = true, hint } = {}) {
  return h("div", { class: `tile ${cls ?? ""}`, title: hint },
    h("div", { class: "name" }, name),
    h("div", { class: "value" }, as(p?.value)),
    h("div", { class: "interval" }, f.isNumber(p?.low) ? `${as(p.low)}–${as(p.high)}` : "no interval"),
    whiskers && whisker(p),
    h("div", { class: "stands" }, f.isNumber(p?.n) ? `n ${f.count(p.n)}` : "", labelled !== undefined ? ` · ${f.share(labelled)} labelled` : ""),
    extra && h("div", { class: "stands" }, extra));
}

export const plainTile = (name, value, line, cls) =>
  h("div", { class: `tile ${cls ?? ""}` }, h("div", { class: "name" }, name), h("div", { class: "value" }, value), h("div", { class: "stands" }, line));

export function labelledBar(q) {
  const width = 240, share = q.labelled_share?.value ?? q.labelled_share ?? 0;
  return h("div", { class: "labelled" },
    s("svg", { viewBox: `0 0 ${width} 6`, width, height: 6, "aria-hidden": "true" },
      s("rect", { class: "track", x: 0, y: 0, width, height: 6, rx: 3 }), s("rect", { class: "bar", x: 0, y: 0, width: (width * share).toFixed(1), height: 6, rx: 3 })),
    h("span", {}, `${f.share(share)} of ${f.plural(q.n, "prediction")} labelled`,
      q.unlabelled ? `; ${f.count(q.unlabelled)} still open` : ""));
}

// The four cells, each a way into the cases.
export function confusion(c, link) {
  const cell = (kind, text, n) => h("td", { class: kind }, h("a", { href: link(kind), "aria-label": `${text}: ${f.count(n)}, show them` },
    h("b", {}, f.count(n)), h("span", {}, text)));
  return h("table", { class: "confusion" },
    h("caption", { class: "hidden" }, "Decisions against truth"),
    h("thead", {}, h("tr", {}, h("th", {}), h("th", { scope: "col" }, "truth: yes"), h("th", { scope: "col" }, "truth: no"), h("th", { scope: "col" }, "not known yet"))),
    h("tbody", {},
      h("tr", {}, h("th", { scope: "row" }, "said yes"), cell("tp", "right", c.tp), cell("fp", "false alarms", c.fp), h("td", { class: "open" }, h("b", {}, f.count(c.unlabelled_positive)), h("span", {}, "unlabelled"))),
      h("tr", {}, h("th", { scope: "row" }, "said no"), cell("fn", "missed", c.fn), cell("tn", "right", c.tn), h("td", { class: "open" }, h("b", {}, f.count(c.unlabelled_negative)), h("span", {}, "unlabelled")))));
}

// Groups beside each other: one line each, figures with intervals on one scale.
export function forest(caption, groups, figures, keyText = (k) => k) {
  const lows = groups.flatMap((g) => figures.map(([, of]) => of(g)?.low)).filter(f.isNumber), from = Math.max(0, Math.floor(10 * Math.min(1, ...lows)) / 10 - (lows.length ? 0 : 1));
  const heads = [["", ""], ["n", "num"], ["labelled", "num"], ...figures.flatMap(([name]) => [[name, "num"], ["95 % interval", "num quiet"], [`${from} … 1`, "wide"]])];
  return table(caption, heads, groups.map((g) => [
    h("b", {}, keyText(g.key)), f.count(g.n), f.share(g.labelled_share?.value ?? g.labelled_share),
    ...figures.flatMap(([, of]) => [f.rate(of(g)?.value), f.range(of(g)), whisker(of(g), 160, from)]),
  ]));
}

export const jsonLink = (path) => h("p", { class: "json" }, h("a", { href: path }, "These figures as JSON"));
