// calibration: does 0.8 mean four in five?  Have the scores moved?  And what can be said before the labels come.
import { get, getOr, enc, query as toQuery } from "./api.js";
import { h, s, panel, table, empty } from "./dom.js";
import * as f from "./format.js";
import { controls } from "./main.js";
import { jsonLink, plainTile, whisker } from "./parts.js";

// -- reliability ---------------------------------------------------------------------------------------------------------------

function reliability(bins) {
  const size = 340, at = (v) => 36 + v * (size - 48), y = (v) => size - 30 - v * (size - 42), most = Math.max(1, ...bins.map((b) => b.n));
  const good = bins.filter((b) => f.isNumber(b.positive?.value));
  return s("svg", { class: "plot square", viewBox: `0 -14 ${size} ${size + 14}`, role: "img", "aria-label": "Share that is truly yes, against the score" },
    [0, 0.25, 0.5, 0.75, 1].map((v) => [s("line", { class: "grid", x1: at(v), x2: at(v), y1: y(0), y2: y(1) }), s("line", { class: "grid", x1: at(0), x2: at(1), y1: y(v), y2: y(v) }),
      s("text", { class: "tick", x: at(v), y: size - 14, "text-anchor": "middle" }, v), s("text", { class: "tick", x: 31, y: y(v) + 4, "text-anchor": "end" }, v)]),
    s("line", { class: "line ideal", x1: at(0), y1: y(0), x2: at(1), y2: y(1) }),
    bins.map((b) => s("rect", { class: "count", x: at(b.low), width: Math.max(1, at(b.high) - at(b.low) - 1), y: y(0) - 40 * (b.n / most), height: 40 * (b.n / most) })),
    good.map((b) => s("line", { class: "err", x1: at(b.mean_score), x2: at(b.mean_score), y1: y(b.positive.low), y2: y(b.positive.high) })),
    good.length > 1 && s("path", { class: "line precision", d: "M" + good.map((b) => `${at(b.mean_score).toFixed(1)},${y(b.positive.value).toFixed(1)}`).join("L") }),
    good.map((b) => s("circle", { class: "dot", r: 3.5, cx: at(b.mean_score), cy: y(b.positive.value) })),
    s("text", { class: "tick", x: size / 2, y: size - 1, "text-anchor": "middle" }, "mean score"), s("text", { class: "tick", x: 4, y: 0 }, "truly yes"));
}

function calibrationPanel(body) {
  const bins = (body?.bins ?? []).filter((b) => b.n > 0), n = bins.reduce((a, b) => a + b.n, 0);
  if (!n) return panel("Calibration", null, h("p", { class: "quiet" }, "No labelled prediction in this time, so it cannot be said how often a score of 0.8 is right."));
  return panel("Calibration", `does a score of 0.8 mean four in five? n ${f.count(n)}; the dashed line would be perfect; bars below: how many`,
    h("div", { class: "tiles" }, plainTile("Brier score", f.rate(body.brier), "mean squared error; 0 is best"), plainTile("Calibration error", f.rate(body.ece), "expected, over the bins")),
    h("div", { class: "grid two" }, reliability(bins), table("Calibration by bin", [["Scores", "num"], ["n", "num"], ["Mean score", "num"], ["Truly yes", "num"], ["95 % interval", "num quiet"], ["", "wide"]],
      bins.map((b) => [`${b.low.toFixed(2)}–${b.high.toFixed(2)}`, f.count(b.n), f.rate(b.mean_score), f.rate(b.positive?.value), f.range(b.positive), whisker(b.positive)]))));
}

// -- drift -----------------------------------------------------------------------------------------------------------------------

function verdict(d) {
  if (d.enough === false || !f.isNumber(d.p)) return h("span", { class: "quiet" }, "too few to say");
  return d.drifted ? h("span", { class: "bad" }, "moved") : h("span", { class: "good" }, "no sign of it");
}

const day = (iso) => f.time(iso).slice(0, 10);

function driftPanel(body) {
  const rows = body ? [["score", body.score], ...(body.features ?? []).map((d) => [d.name, d])].filter(([, d]) => d) : [];
  if (!rows.length || rows.every(([, d]) => !d.m))
    return panel("Drift", null, h("p", { class: "quiet" }, "Nothing to compare with: drift needs predictions from before this time. Choose a shorter time, or wait."));
  return panel("Drift", `${day(body.from)} – ${day(body.to)} against ${day(body.reference.from)} – ${day(body.reference.to)}; how far it may move by chance follows from the numbers of rows, so that few rows do not cry wolf`,
    table("Drift of scores and features", [["Of"], ["Verdict"], ["Measured by"], ["Moved by", "num"], ["By chance up to", "num"], ["p", "num"], ["n now", "num"], ["n before", "num"]], rows.map(([name, d]) =>
      [h("b", {}, name), verdict(d), d.test === "psi" ? "PSI" : "Cramér's V", f.rate(d.psi ?? d.cramers_v), f.rate(d.threshold), f.isNumber(d.p) ? (d.p < 0.001 ? "< 0.001" : f.rate(d.p)) : f.NONE, f.count(d.n), f.count(d.m)])));
}

// -- estimate ----------------------------------------------------------------------------------------------------------------------

function estimatePanel(body, real) {
  const keys = ["precision", "recall", "f1", "accuracy"].filter((key) => f.isNumber(body?.[key]?.value));
  if (!keys.length) return panel("Estimated, before labels come", null, h("p", { class: "quiet" }, body?.why ?? body?.message ?? "There is no estimate: it needs labelled predictions before this time to learn from what a score means."));
  return panel("Estimated, before labels come", "from calibrated scores alone (CBPE); it cannot see a change of what is true, only of what is scored",
    table("Estimated, adjusted and real figures", [[""], ["Estimated", "num estimated"], ["95 % interval", "num quiet"], ["", "wide"], ["Adjusted", "num"], ["95 % interval", "num quiet"], ["", "wide"], ["Of the labelled", "num"], ["95 % interval", "num quiet"], ["", "wide"], ["n", "num"]], keys.map((key) => {
      const three = [body[key], body.adjusted?.[key], real?.[key]];
      return [h("b", {}, NAMES[key]), three.map((p, i) => [f.rate(p?.value), f.range(p), i ? whisker(p) : h("span", { class: "estimated" }, whisker(p))]), f.count(three[2]?.n)].flat(2);
    }), { class: "estimates" }),
    h("p", { class: "quiet" }, body.reference ? `Learnt from ${f.plural(body.reference.n, "labelled prediction")}, ${day(body.reference.from)} – ${day(body.reference.to)}${body.reference.calibrated ? ", by which the scores were calibrated" : ""}. ` : "",
      body.adjusted && "Adjusted: as if labels had been taken at random, and not of some scores more than of others. ",
      f.isNumber(body.error_last_month?.precision) && `In the month before, the estimate was off by ${f.signed(body.error_last_month.precision)} for precision and ${f.signed(body.error_last_month.recall)} for recall.`));
}

const NAMES = { precision: "Precision", recall: "Recall", f1: "F1", accuracy: "Accuracy" };

export async function calibration(context) {
  const path = `/v1/quality/${enc(context.name)}`, asked = context.asked(), chosen = context.query.span || context.query.from, of = (what) => getOr(null, `${path}/${what}`, asked, context.signal);
  const [real, cal, drift, estimate, bar] = await Promise.all([get(path, asked, context.signal), of("calibration"), getOr(null, `${path}/drift`, chosen ? asked : { version: asked.version, segment: asked.segment }, context.signal), of("estimate"), controls(context)]);
  if (!real.n) return [bar, empty("No prediction in this time", h("p", {}, "Choose a longer time above."))];
  return [bar, calibrationPanel(cal), driftPanel(drift), estimatePanel(estimate, real),
    h("p", { class: "json" }, ["calibration", "drift", "estimate"].map((what) => [h("a", { href: `${path}/${what}${toQuery(asked)}` }, `${what} as JSON`), " "]))];
}
