// quality: is it still right?  Precision and recall over time with their intervals, what was changed when, who is worse.
import { get, getOr, enc, query as toQuery } from "./api.js";
import { timeChart, proportionLines } from "./chart.js";
import { h, select, panel, empty } from "./dom.js";
import * as f from "./format.js";
import { controls } from "./main.js";
import { tile, labelledBar, confusion, forest, jsonLink } from "./parts.js";

const SEGMENTS_DRAWN = 6, FEW_LABELS = 0.5, ESTIMATES_MAX = 10;
const FIGURES = [["precision", "Precision", "of what it said yes to, how much is yes"], ["recall", "Recall", "of what is yes, how much it said yes to"],
  ["specificity", "Specificity", "of what is no, how much it said no to"], ["accuracy", "Accuracy", "how many decisions are right"]];

export function nothing(context) {
  return empty(`No prediction of ${context.name} in this time`,
    h("p", {}, "Choose a longer time above. If there has been none at all, say in the function's pyproject.toml where its answer holds the scores, and deploy it:"),
    h("pre", {}, '[tool.sculler.monitor]\nrows = "$[*]"\nscore = "score"\nitems = ["id"]      # what names a row; labels are joined on it\nthreshold = 0.5'),
    h("p", {}, "or post predictions that you have to ", h("code", {}, "/v1/predictions"), "; labels come by ", h("code", {}, "sculler label truth.csv"), "."));
}

// What the scores alone say of those days whose truth is mostly not known yet: asked one by one, drawn as they come.
async function addEstimates(context, series, step, charts) {
  const open = series.map((g, i) => [g, i]).filter(([g]) => g.n && (g.labelled_share ?? 0) < FEW_LABELS).slice(-ESTIMATES_MAX);
  const values = { precision: series.map(() => null), recall: series.map(() => null) };
  for (const [g, i] of open) {
    const from = f.seconds(g.key), asked = { ...context.asked(), from: new Date(from * 1000).toISOString(), to: new Date((from + step) * 1000).toISOString() };
    const guess = await getOr(null, `/v1/quality/${enc(context.name)}/estimate`, asked, context.signal);
    for (const key of ["precision", "recall"]) {
      values[key][i] = guess?.[key]?.value ?? null;
      charts[key].setValues(3, values[key]);
    }
  }
}

function over(context, series, marks, span, charts) {
  const times = series.map((g) => f.seconds(g.key));
  const onSelect = (from, to) => context.go({ from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString(), span: "" });
  const shared = { times, marks, span, sync: "quality", onSelect };
  const lowest = (key) => Math.max(0, Math.floor(10 * Math.min(...series.map((g) => g[key]?.low ?? 1))) / 10);
  return [
    h("div", { class: "grid two" }, ["precision", "recall"].map((key) => {
      const p = proportionLines(key, (g) => g[key], series), guess = { name: "estimated", values: series.map(() => null), colour: "--guess", dash: [6, 4], as: f.rate, points: true, spanGaps: true };
      charts[key] = timeChart({ ...shared, height: 220, label: `${key} over time with its interval`, range: [lowest(key), 1], as: (v) => v.toFixed(2), lines: [...p.lines, guess], bands: p.bands });
      return panel(key === "precision" ? "Precision" : "Recall", "band: 95 % interval; dashed: estimated, where few labels have come; drag to look closer", charts[key]);
    })),
    panel("Predictions, and how many have their truth", "recent ones often wait for it, so the last figures stand on few labels",
      timeChart({ ...shared, height: 120, label: "Predictions and labels over time", as: f.count, lines: [
        { name: "predictions", values: series.map((g) => g.n), bars: true, colour: "--muted", fill: "--grid", as: f.count },
        { name: "labelled", values: series.map((g) => g.labelled), bars: true, colour: "--accent", fill: "--accent-soft", as: f.count }] })),
  ];
}

// One small chart for each of the largest segments, all on one scale: who decays, and since when.
function bySegment(context, parts, span) {
  if (parts.length < 2) return null;
  const lows = parts.flatMap(({ series }) => series.flatMap((g) => [g.precision?.value, g.recall?.value])).filter(f.isNumber), low = Math.max(0, Math.floor(10 * Math.min(1, ...lows)) / 10 - 0.1);
  return panel("Segments over time", "precision blue, recall amber, with their intervals; all on one scale", h("div", { class: "grid small" }, parts.map(({ key, n, series }) => {
    const p = proportionLines("precision", (g) => g.precision, series), r = proportionLines("recall", (g) => g.recall, series, "--warm", "--warm-soft");
    return h("div", {}, h("h3", {}, h("a", { href: context.link("quality", { ...context.query, segment: key }) }, key), h("span", { class: "quiet" }, ` n ${f.count(n)}`)),
      timeChart({ times: series.map((g) => f.seconds(g.key)), span, sync: "segments", height: 120, compact: true, range: [low, 1], as: (v) => v.toFixed(2), label: `Precision and recall of ${key} over time`,
        lines: [...p.lines, ...r.lines], bands: [...p.bands, ...r.bands.map(([a, b, c]) => [a + 3, b + 3, c])] }));
  })));
}

// Events that were told (POST /v1/events): how the business fares, beside how right the model is.
function business(events, marks, span) {
  return events.filter((e) => e.n).map((e) => {
    const groups = e.groups.filter((g) => g.n), of = (key) => groups.map((g) => g.median[key] ?? null);
    return panel(e.name, `median ${f.number(e.median.value)} (${f.number(e.median.low)}–${f.number(e.median.high)}), n ${f.count(e.n)}${e.open ? `; ${f.count(e.open)} not ended yet` : ""}; half lie between ${f.number(e.p25.value)} and ${f.number(e.p75.value)}`,
      timeChart({ times: groups.map((g) => f.seconds(g.key)), span, marks, sync: "quality", height: 150, label: `Median of ${e.name} by day`, lines: [
        { name: "median", values: of("value"), colour: "--accent", points: true, as: f.number }, { name: "high", values: of("high"), hidden: true }, { name: "low", values: of("low"), hidden: true }], bands: [[1, 2, "--accent-soft"]] }));
  });
}

const markList = (marks) => marks.length > 0 && panel("What was changed", null, h("ul", { class: "marks" }, marks.map((m) =>
  h("li", { class: m.kind }, h("time", { datetime: m.time }, f.time(m.time).slice(0, 16)), " ", m.text))));

export async function quality(context) {
  const path = `/v1/quality/${enc(context.name)}`, by = context.query.by ?? "day", asked = context.asked();
  const all = (group) => get(path, { ...asked, by: group }, context.signal);
  const [whole, versions, segments, estimate, told, bar] = await Promise.all([
    all(by), getOr(null, path, { ...context.window, segment: asked.segment, by: "version" }, context.signal), getOr(null, path, { ...context.window, version: asked.version, by: "segment" }, context.signal),
    getOr(null, `${path}/estimate`, asked, context.signal), getOr({ events: [] }, `${path}/business`, { ...context.window, by: "day" }, context.signal),
    controls(context, select("Each", by, ["hour", "day"], (to) => context.go({ by: to })))]);
  if (!whole.n) return [bar, nothing(context)];
  const largest = asked.segment ? [] : [...(segments?.groups ?? [])].filter((g) => g.key && g.labelled).sort((a, b) => b.n - a.n).slice(0, SEGMENTS_DRAWN);
  const parts = await Promise.all(largest.map(async ({ key, n }) => ({ key, n, series: (await get(path, { ...asked, segment: key, by: "day" }, context.signal)).groups })));
  const labelled = whole.labelled_share?.value ?? whole.labelled_share, link = (kind) => context.link("cases", { ...context.kept(), kind });
  const span = [f.seconds(context.window.from), f.seconds(context.window.to)], step = by === "hour" ? 3600 : 86400;
  const series = whole.groups ?? [], first = series.length ? f.seconds(series[0].key) - step : span[0];
  const charts = {};
  if (labelled > 0) setTimeout(() => addEstimates(context, series, step, charts).catch((error) => error.name === "AbortError" || console.error(error)));
  const pair = [["precision", (g) => g.precision], ["recall", (g) => g.recall]];
  return [bar,
    h("div", { class: "row" }, labelledBar(whole), h("p", { class: "quiet" }, f.isNumber(whole.threshold?.value) ? `decisions at the threshold ${f.score(whole.threshold.value)}` : "decisions as they were taken, at the threshold then in force")),
    h("div", { class: "tiles" },
      FIGURES.map(([key, name, hint]) => tile(name, whole[key], { labelled, hint,
        extra: f.isNumber(estimate?.[key]?.value) && h("span", { class: "estimated" }, `estimated ${f.rate(estimate[key].value)}`) })),
      tile("F1", whole.f1, { labelled }), tile("AUC", whole.auc && { ...whole.auc, n: whole.auc.n ?? whole.labelled }, { labelled, hint: "area under the ROC curve: does it rank yes above no?" })),
    labelled === 0 && h("p", { class: "note" }, "No label has come yet, so nothing can be said of what is right. Labels come by ", h("code", {}, "sculler label truth.csv"), ", or by hand under ", h("a", { href: context.link("cases", { ...context.kept(), kind: "unlabelled" }) }, "Cases"), "."),
    over(context, series, whole.marks ?? [], [Math.max(span[0], first), span[1]], charts),
    h("div", { class: "grid two" },
      panel("Decisions against truth", "each number leads to its cases", confusion(whole.confusion, link)),
      markList(whole.marks ?? [])),
    versions?.groups?.length > 0 && panel("Versions beside each other", null, forest("Figures by version", versions.groups, pair, (k) => `version ${k}`)),
    segments?.groups?.some((g) => g.key) && panel("Segments", "where it is worse than elsewhere", forest("Figures by segment", segments.groups, pair, (k) => k || "(none)")),
    bySegment(context, parts, [Math.max(span[0], first), span[1]]),
    business(told.events, whole.marks ?? [], [Math.max(span[0], first), span[1]]),
    jsonLink(path + toQuery({ ...asked, by }))];
}
