// threshold: what another threshold would do.  The browser holds the histogram of scores, so a move of the slider asks
// nobody; only the list of changed decisions follows a moment later.
import { get, getOr, post, put as putTo, enc, query as toQuery } from "./api.js";
import { h, s, put, select, field, panel, table } from "./dom.js";
import * as f from "./format.js";
import { controls } from "./main.js";
import { confusion, jsonLink, whisker } from "./parts.js";
import { nothing } from "./quality.js";
import { Curve, cost } from "./stats.js";

const LIST_AFTER_MS = 150, LISTED = 12, COARSE = 16, LEFT = 40, RIGHT = 8;
let W = 640; // of a chart; on a phone it is drawn narrower, so that its words stay legible
const x = (edge, bins) => LEFT + ((W - LEFT - RIGHT) * edge) / bins;

// -- charts: drawn once; a move of the slider moves a line and a dot ------------------------------------------------------

const ticks = (height, bottom) => [0, 0.2, 0.4, 0.6, 0.8, 1].map((v) => [
  s("line", { class: "grid", x1: x(v, 1), x2: x(v, 1), y1: 6, y2: height - bottom }),
  s("text", { class: "tick", x: x(v, 1), y: height - bottom + 14, "text-anchor": "middle" }, v.toFixed(1))]);

function svg(label, height, ...kids) {
  return s("svg", { class: "plot", viewBox: `0 0 ${W} ${height}`, role: "img", "aria-label": label, preserveAspectRatio: "none" }, kids);
}

// Smooth enough to read, never so much that a spike at 0 or 1 is lost: sums of 8 bins.
function density(bins) {
  const wide = 8, out = [];
  for (let i = 0; i < bins.length; i += wide) out.push(bins.slice(i, i + wide).reduce((a, b) => a + b, 0));
  return out;
}

function densities(curve) {
  const height = 190, bottom = 22, mid = (height - bottom) / 2 + 3, room = mid - 8;
  const [up, down, open] = [curve.positive, curve.negative, curve.unlabelled].map(density);
  const top = (list) => Math.max(1e-9, ...list), n = up.length;
  const area = (list, sign, most) => {
    const y = (v) => (mid - sign * room * Math.sqrt(v / most)).toFixed(1);
    return `M${x(0, n)},${mid}` + list.map((v, i) => `H${x(i, n).toFixed(1)}V${y(v)}H${x(i + 1, n).toFixed(1)}`).join("") + `V${mid}Z`;
  };
  const most = Math.max(top(up), top(down)), line = s("line", { class: "at", y1: 4, y2: height - bottom });
  return { line, svg: svg("Scores by truth", height, ticks(height, bottom),
    s("path", { class: "density positive", d: area(up, 1, most) }), s("path", { class: "density negative", d: area(down, -1, most) }),
    s("path", { class: "density open", d: area(open, 1, Math.max(top(open), most)) }),
    s("line", { class: "axis", x1: LEFT, x2: W - RIGHT, y1: mid, y2: mid }),
    s("text", { class: "tick", x: 4, y: 18 }, "yes"), s("text", { class: "tick", x: 4, y: height - bottom - 6 }, "no"), line) };
}

function overThreshold(curve, points) {
  const height = 190, bottom = 22, y = (v) => 6 + (1 - v) * (height - bottom - 6);
  const path = (of) => {
    let d = "", on = false;
    for (const p of points) {
      const v = of(p);
      if (f.isNumber(v)) d += `${on ? "L" : "M"}${x(p.edge, curve.bins).toFixed(1)},${y(v).toFixed(1)}`;
      on = f.isNumber(v);
    }
    return d;
  };
  const band = (of) => {
    const good = points.filter((p) => f.isNumber(of(p).low));
    const along = (list, key) => list.map((p) => `${x(p.edge, curve.bins).toFixed(1)},${y(of(p)[key]).toFixed(1)}`).join("L");
    return good.length ? `M${along(good, "low")}L${along([...good].reverse(), "high")}Z` : "";
  };
  const line = s("line", { class: "at", y1: 4, y2: height - bottom });
  return { line, svg: svg("Precision, recall and F1 at each threshold", height, ticks(height, bottom),
    [0, 0.5, 1].map((v) => [s("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: y(v), y2: y(v) }), s("text", { class: "tick", x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, v.toFixed(1))]),
    s("path", { class: "band positive", d: band((p) => p.precision) }), s("path", { class: "band warm", d: band((p) => p.recall) }),
    s("path", { class: "line precision", d: path((p) => p.precision.value) }), s("path", { class: "line recall", d: path((p) => p.recall.value) }), s("path", { class: "line f1", d: path((p) => p.f1) }), line) };
}

function costLine(curve, points, costs) {
  const height = 110, bottom = 22, most = Math.max(1e-9, ...points.map((p) => cost(p, ...costs))), y = (v) => 6 + (1 - v / most) * (height - bottom - 6);
  const line = s("line", { class: "at", y1: 4, y2: height - bottom });
  return { line, svg: svg("Cost at each threshold", height, ticks(height, bottom),
    s("text", { class: "tick", x: LEFT - 6, y: 14, "text-anchor": "end" }, f.money(most)), s("text", { class: "tick", x: LEFT - 6, y: height - bottom, "text-anchor": "end" }, "0"),
    s("path", { class: "line f1", d: "M" + points.map((p) => `${x(p.edge, curve.bins).toFixed(1)},${y(cost(p, ...costs)).toFixed(1)}`).join("L") }), line) };
}

function precisionRecall(points) {
  const size = 300, from = 36, to = size - 12, at = (v) => from + v * (to - from), y = (v) => size - 30 - v * (size - 42);
  const good = points.filter((p) => f.isNumber(p.precision.value) && f.isNumber(p.recall.value)), dot = s("circle", { class: "dot", r: 5 }), now = s("circle", { class: "dot now", r: 4 });
  const along = (list, key) => list.map((p) => `${at(p.recall.value).toFixed(1)},${y(p.precision[key]).toFixed(1)}`).join("L");
  const place = (circle, p) => {
    const seen = f.isNumber(p.precision.value) && f.isNumber(p.recall.value);
    circle.setAttribute("visibility", seen ? "visible" : "hidden");
    if (!seen) return;
    circle.setAttribute("cx", at(p.recall.value));
    circle.setAttribute("cy", y(p.precision.value));
  };
  return { dot, now, place, svg: s("svg", { class: "plot square", viewBox: `0 -14 ${size} ${size + 14}`, role: "img", "aria-label": "Precision against recall" },
    [0, 0.25, 0.5, 0.75, 1].map((v) => [s("line", { class: "grid", x1: at(v), x2: at(v), y1: y(0), y2: y(1) }), s("line", { class: "grid", x1: at(0), x2: at(1), y1: y(v), y2: y(v) }),
      s("text", { class: "tick", x: at(v), y: size - 14, "text-anchor": "middle" }, v), s("text", { class: "tick", x: from - 5, y: y(v) + 4, "text-anchor": "end" }, v)]),
    good.length > 0 && s("path", { class: "band positive", d: `M${along(good, "low")}L${along([...good].reverse(), "high")}Z` }),
    good.length > 0 && s("path", { class: "line precision", d: "M" + along(good, "value") }),
    s("text", { class: "tick", x: (from + to) / 2, y: size - 1, "text-anchor": "middle" }, "recall"), s("text", { class: "tick", x: 6, y: 0 }, "precision"), now, dot) };
}

// -- the numbers ------------------------------------------------------------------------------------------------------------

function numbers(state) {
  const { curve, costs } = state, a = curve.at(state.current), b = curve.at(state.edge), share = curve.total ? curve.labelled / curve.total : null;
  const heads = [[""], ["now", "num"], ["then", "num"], ["95 % interval", "num quiet"], ["", "wide"], ["change", "num"], ["n", "num"]];
  const line = (name, of) => [h("b", {}, name), f.rate(of(a).value), f.rate(of(b).value), f.range(of(b)), whisker(of(b)),
    f.isNumber(of(a).value) && f.isNumber(of(b).value) ? f.signed(of(b).value - of(a).value) : f.NONE, f.count(of(b).n)];
  const plain = (name, of, as = f.count) => [h("b", {}, name), as(of(a)), as(of(b)), "", "", f.isNumber(of(a)) && f.isNumber(of(b)) ? f.signed(of(b) - of(a), as) : f.NONE, ""];
  return [table("Figures now and then", heads, [line("Precision", (c) => c.precision), line("Recall", (c) => c.recall), line("Specificity", (c) => c.specificity),
    plain("F1", (c) => c.f1, f.rate), plain("Cost", (c) => cost(c, ...costs), f.money), plain("Said yes, of all", (c) => c.tp + c.fp + c.unlabelled_positive)], { class: "now-then" }),
  h("p", { class: "quiet" }, `From ${f.plural(curve.labelled, "labelled prediction")}, ${f.share(share)} of ${f.count(curve.total)}. Costs are those of labelled ones.`)];
}

function changeWords(state) {
  const { curve } = state, c = curve.changed(state.current, state.edge);
  if (state.edge === state.current) return "This is the threshold in force: nothing changes.";
  const [bad, good] = c.up ? [`${f.count(c.negative)} false alarms appear`, `${f.count(c.positive)} missed ones are found`] : [`${f.count(c.positive)} are missed that were found`, `${f.count(c.negative)} false alarms vanish`];
  return `${f.plural(c.positive + c.negative + c.unlabelled, "decision")} change to ${c.up ? "yes" : "no"}: ${good}, ${bad}; of ${f.count(c.unlabelled)} the truth is not known yet.`;
}

function changedTable(context, title, rows) {
  return h("div", {}, h("h3", {}, title), rows.length === 0 ? h("p", { class: "quiet" }, "none") :
    table(title, [["Score", "num"], ["Time (UTC)", "when"], ["Segment"], ["Items", "cut"], [""]], rows.map((row) => [f.score(row.score), f.minute(row.time), row.segment ?? "", f.items(row),
      h("a", { href: context.link("cases", { ...context.kept(), kind: "all", id: row.prediction_id }), "aria-label": `Look at ${row.prediction_id}` }, "look")])));
}

// The rows between the two thresholds, nearest to the new one first; what is listed is what was asked last.
async function listChanged(context, state, into) {
  const { curve, current, edge } = state, [from, to] = [current / curve.bins, edge / curve.bins];
  if (edge === current) return put(into);
  const base = { function: context.name, ...context.asked(), limit: LISTED }, up = to < from;
  const asked = up
    ? [["False alarms that appear", { kind: "fp", threshold: to, order: "score" }, (r) => r.score < from], ["Missed ones that are found", { kind: "fn", threshold: from, order: "-score" }, (r) => r.score >= to]]
    : [["False alarms that vanish", { kind: "fp", threshold: from, order: "score" }, (r) => r.score < to], ["Missed ones that appear", { kind: "fn", threshold: to, order: "-score" }, (r) => r.score >= from]];
  asked.push(["Not known yet", { kind: "unlabelled", threshold: to, order: "margin" }, (r) => r.score >= Math.min(from, to) && r.score < Math.max(from, to)]);
  const asking = (state.asking = {});
  const lists = await Promise.all(asked.map(([, members]) => get("/v1/predictions", { ...base, ...members }, context.signal)));
  if (asking === state.asking) put(into, asked.map(([title, , within], i) => changedTable(context, title, lists[i].rows.filter(within))));
}

// -- in force --------------------------------------------------------------------------------------------------------------

function inForce(context, setting, aliases, state, reload) {
  const path = `/v1/functions/${enc(context.name)}/threshold`, said = h("p", { role: "status", class: "quiet" });
  const note = field("Note", { type: "text", placeholder: "why", maxlength: 200 });
  const change = async (call, words) => {
    try {
      await call();
      put(said, words);
      reload();
    } catch (error) {
      put(said, error.message);
    }
  };
  state.setButton = h("button", { class: "primary", type: "button", onclick: () => change(() => putTo(path, { alias: setting.alias, threshold: state.edge / state.curve.bins, note: note.querySelector("input").value }), "Set.") });
  return panel("Set it, and thresholds so far", setting.number ? `alias ${setting.alias || "(none)"}: number ${setting.number} is in force` : `alias ${setting.alias || "(none)"}: none is set yet, so the function's own holds`,
    h("div", { class: "controls" }, aliases.length > 1 && select("Alias", setting.alias, aliases, (to) => context.go({ alias: to })), note, state.setButton,
      h("button", { type: "button", disabled: !setting.number, onclick: () => change(() => post(`${path}/rollback`, { alias: setting.alias }), "Rolled back.") }, "Roll back")), said,
    table("Thresholds so far", [["No.", "num"], ["Threshold", "num"], ["Set (UTC)", "when"], ["By"], ["Note", "cut"]], [...(setting.history ?? [])].sort((a, b) => b.number - a.number).map((t) =>
      [f.count(t.number), f.score(t.threshold), f.time(t.set_at), t.by ?? "", [t.note, t.restores ? ` (restores number ${t.restores})` : ""]]), { class: "snug" }));
}

// Before the first that is set, the function's own setting holds; without one, 0.5.
async function ownThreshold(context) {
  const own = await getOr(null, `/v1/functions/${enc(context.name)}/monitor`, {}, context.signal);
  return own?.settings?.threshold ?? 0.5;
}

export async function threshold(context) {
  const { name, query } = context, path = `/v1/quality/${enc(name)}/curve`, costs = [Number(query.cost_fp ?? 1), Number(query.cost_fn ?? 1)];
  const asked = context.asked(), { functions } = await get("/v1/functions", {}, context.signal);
  const aliases = functions.find((fn) => fn.function === name)?.aliases.map((a) => a.alias) ?? [];
  const alias = query.alias ?? (aliases.includes("live") || !aliases.length ? "live" : aliases[0]);
  const [body, setting, bar] = await Promise.all([get(path, { ...asked, points: false, cost_fp: costs[0], cost_fn: costs[1] }, context.signal),
    getOr({ alias, threshold: null, history: [] }, `/v1/functions/${enc(name)}/threshold`, { alias }, context.signal), controls(context)]);
  W = innerWidth < 700 ? 340 : 640;
  const curve = new Curve(body.positive, body.negative, body.unlabelled);
  if (!curve.total) return [bar, nothing(context)];
  const points = Array.from({ length: curve.bins + 1 }, (_, edge) => curve.at(edge));
  const known = f.isNumber(setting.threshold), now = known ? setting.threshold : await ownThreshold(context);
  const state = { curve, costs, current: curve.edgeOf(now), edge: curve.edgeOf(Number(query.t ?? now)) };
  const slider = h("input", { type: "range", min: 0, max: curve.bins, step: 1, value: state.edge, id: "threshold", "aria-label": "Threshold", oninput: () => move(Number(slider.value)) });
  const exact = h("input", { type: "number", min: 0, max: 1, step: 1 / curve.bins, "aria-label": "Threshold as a number", onchange: () => move(curve.edgeOf(Number(exact.value))) });
  const dens = densities(curve), lines = overThreshold(curve, points), price = costLine(curve, points, costs), pr = precisionRecall(points);
  const figures = h("div", { id: "figures" }), words = h("p", { class: "changes", role: "status" }), matrix = h("div"), changed = h("div", { class: "grid three" });
  const reload = () => setTimeout(() => dispatchEvent(new HashChangeEvent("hashchange")), 400);
  const settings = inForce(context, { ...setting, alias: setting.alias ?? alias }, aliases, state, reload);
  pr.place(pr.now, points[state.current]);
  let later;

  function move(edge) {
    const started = performance.now();
    state.edge = Math.max(0, Math.min(curve.bins, edge));
    slider.value = state.edge;
    exact.value = (state.edge / curve.bins).toFixed(4);
    for (const { line } of [dens, lines, price]) for (const at of ["x1", "x2"]) line.setAttribute(at, x(state.edge, curve.bins));
    pr.place(pr.dot, points[state.edge]);
    put(figures, numbers(state));
    put(words, changeWords(state));
    put(matrix, confusion(points[state.edge], (kind) => context.link("cases", { ...context.kept(), kind, threshold: state.edge / curve.bins })));
    put(state.setButton, `Set ${f.score(state.edge / curve.bins)}`);
    clearTimeout(later);
    later = setTimeout(() => {
      context.note({ t: state.edge === state.current ? "" : (state.edge / curve.bins).toFixed(4) });
      listChanged(context, state, changed).catch((error) => error.name === "AbortError" || put(changed, h("p", { class: "bad" }, error.message)));
    }, LIST_AFTER_MS);
    slider.dataset.ms = (performance.now() - started).toFixed(2); // what a move costs; the test reads it
  }

  context.onKey = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.target === slider) return false;
    move(state.edge + step * (event.shiftKey ? COARSE : 1));
    return true;
  };
  const best = [["best F1", body.best?.f1], ["least cost", body.best?.cost]].filter(([, b]) => f.isNumber(b?.threshold));
  const costField = (label, key, value) => field(label, { type: "number", min: 0, step: "any", value, onchange: (event) => context.go({ [key]: event.target.value }) });
  move(state.edge);
  return [bar,
    h("div", { class: "panel slider" },
      h("div", { class: "row" }, h("label", { class: "big", for: "threshold" }, "Threshold"), exact,
        h("button", { type: "button", onclick: () => move(state.current) }, `in force ${f.score(now)}`),
        best.map(([text, b]) => h("button", { type: "button", onclick: () => move(curve.edgeOf(b.threshold)) }, `${text} ${f.score(b.threshold)}`)),
        h("span", { class: "grow" }), costField("A false alarm costs", "cost_fp", costs[0]), costField("A missed one costs", "cost_fn", costs[1])),
      h("div", { class: "grid wide-narrow" },
        h("div", {},
          h("div", { class: "on-axis" }, slider), dens.svg,
          h("p", { class: "legend" }, h("span", { class: "key positive" }, "truth: yes"), h("span", { class: "key negative" }, "truth: no"), h("span", { class: "key open" }, "not known yet"), h("span", { class: "quiet" }, "scores in 128 steps, heights by square root")),
          lines.svg, h("p", { class: "legend" }, h("span", { class: "key precision" }, "precision"), h("span", { class: "key recall" }, "recall"), h("span", { class: "key f1" }, "F1"), h("span", { class: "quiet" }, `bands: 95 % intervals; moves in steps of 1/${curve.bins}`)),
          price.svg, h("p", { class: "legend" }, h("span", { class: "key f1" }, "cost of false alarms and missed ones"))),
        h("div", {}, h("h3", {}, "Now and then"), figures,
          h("div", { class: "grid two tight" }, h("div", {}, h("h3", {}, "Decisions then"), matrix), h("div", {}, h("h3", {}, "Precision against recall"), pr.svg, h("p", { class: "legend" }, "● then, ○ now"))),
          words))),
    panel("Decisions that would change", `up to ${LISTED} of each`, changed), settings,
    jsonLink(path + toQuery({ ...asked, cost_fp: costs[0], cost_fn: costs[1] }))];
}
