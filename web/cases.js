// cases: the decisions themselves: those that were wrong, those that nobody has labelled, one of them with all that is
// known of it.  Labelled by hand from here: y, n, u.
import { get, getOr, post, enc, query as toQuery } from "./api.js";
import { h, put, select, panel, empty, table } from "./dom.js";
import * as f from "./format.js";
import { controls } from "./main.js";
import { jsonLink, tile } from "./parts.js";
import { nothing } from "./quality.js";

const PAGE = 50;
const kinds = [["fp", "False alarms"], ["fn", "Missed"], ["tp", "Right yes"], ["tn", "Right no"], ["unlabelled", "Unlabelled"], ["labelled", "Labelled"], ["all", "All"], ["advice", "Which to label"]];
const orders = [["-time", "newest first"], ["time", "oldest first"], ["-score", "score, highest first"], ["score", "score, lowest first"], ["margin", "nearest to the threshold"]];
const badge = (seen) => h("span", { class: `badge ${seen.toLowerCase()}`, title: TITLES[seen] }, seen);
const TITLES = { TP: "said yes, and it is", FP: "said yes, but it is no: a false alarm", FN: "said no, but it is yes: missed", TN: "said no, and it is", yes: "said yes; the truth is not known yet", no: "said no; the truth is not known yet" };

function pretty(value) {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

// -- one prediction ---------------------------------------------------------------------------------------------------------

const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter(([, v]) => v !== null && v !== undefined && v !== "").map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]));

function text(name, value) {
  const body = pretty(value);
  return body && h("details", { open: body.length < 4000 }, h("summary", {}, name), h("pre", { tabindex: 0 }, body));
}

function historyOf(labels) {
  if (!labels?.length) return h("p", { class: "quiet" }, "No label yet.");
  return table("Its labels", [["Label"], ["Known (UTC)"], ["Came from"], ["Note", "cut"]], labels.map((l) => [f.labelText(l.label), f.time(l.time ?? l.label_time ?? l.known_at), l.source ?? "", l.note ?? ""]));
}

function detail(context, row, threshold, judge) {
  const call = row.invocation, seen = outcomeOf(row, threshold);
  return [
    h("div", { class: "row" }, h("h2", { tabindex: -1 }, "Prediction"), badge(seen), h("span", { class: "grow" }),
      h("div", { class: "judge", role: "group", "aria-label": "Label it" },
        h("button", { class: "primary", onclick: () => judge(1) }, "yes ", h("kbd", {}, "y")), h("button", { onclick: () => judge(0) }, "no ", h("kbd", {}, "n")), h("button", { onclick: () => judge("undo") }, "undo ", h("kbd", {}, "u")))),
    facts([["Score", f.score(row.score)], ["Threshold", f.score(row.threshold ?? threshold)], ["Decision", row.decision === undefined || row.decision === null ? null : row.decision ? "yes" : "no"], ["Label", f.labelText(row.label)],
      ["Time (UTC)", f.time(row.time)], ["Version", [row.version, row.alias && ` (${row.alias})`]], ["Segment", row.segment], ["Amount", f.isNumber(row.amount) ? f.money(row.amount) : null],
      ...Object.entries(row.items ?? {}), ["Request", row.request_id && `${row.request_id}${f.isNumber(row.position) ? `, row ${row.position}` : ""}`], ["Prediction", row.prediction_id]]),
    h("h3", {}, "Labels"), historyOf(row.labels),
    row.features && Object.keys(row.features).length > 0 && [h("h3", {}, "Features"), facts(Object.entries(row.features).map(([k, v]) => [k, String(v)]))],
    call ? [text("Input", call.input), text("Output", call.output), text("Log", call.log)] : h("p", { class: "quiet" }, "Its call is not on record (any more): it was posted, or is older than what is kept."),
    row.neighbours?.length > 0 && [h("h3", {}, "Neighbours"), table("Neighbours", [["Why"], ["Score", "num"], [""], ["Label"], ["Items", "cut"], [""]], row.neighbours.map((other) => [other.relation ?? "", f.score(other.score),
      badge(outcomeOf(other, threshold)), f.labelText(other.label), f.items(other), h("a", { href: context.link("cases", { ...context.query, id: other.prediction_id }) }, "look")]))]];
}

const outcomeOf = (row, threshold) => f.outcome(row.score, row.threshold ?? threshold ?? 0.5, f.isLabelled(row) ? row.label : null);

// -- labelling ---------------------------------------------------------------------------------------------------------------

// What was said by hand here, so that `u` can take it back: the label before, or none.
const said = [];

async function label(context, row, value) {
  const before = f.isLabelled(row) ? row.label : null;
  await post("/v1/labels", { function: row.function ?? context.name, prediction_id: row.prediction_id, label: value, source: "dashboard" });
  row.label = value;
  return before;
}

// -- the list ----------------------------------------------------------------------------------------------------------------

function scoreBar(row, threshold) {
  return h("span", { class: "scorebar", "aria-hidden": "true" }, h("meter", { min: 0, max: 1, value: row.score, class: row.score >= (threshold ?? 0.5) ? "over" : "" }));
}

async function rowsOf(context, kind) {
  const { query } = context, base = { function: context.name, ...context.asked() };
  if (kind !== "advice") {
    const body = await get("/v1/predictions", { ...base, kind, threshold: query.threshold, order: query.order ?? "-time", limit: PAGE, after: query.after }, context.signal);
    return { ...body, asked: "/v1/predictions" + toQuery({ ...base, kind, threshold: query.threshold, order: query.order ?? "-time", limit: PAGE }) };
  }
  const path = `/v1/quality/${enc(context.name)}/advice`, asked = { ...context.asked(), n: 200, metric: query.metric ?? "precision" };
  return { ...(await get(path, asked, context.signal)), asked: path + toQuery(asked) };
}

function adviceWords(context, body) {
  return h("div", { class: "tiles" },
    tile(`${(context.query.metric ?? "precision") === "recall" ? "Recall" : "Precision"} now`, body.now), tile(`with these ${f.count(body.rows.length)} labelled (expected)`, body.after, { cls: "estimated" }),
    h("p", { class: "note" }, "These rows narrow the interval most. Label them with y and n, from the top."));
}

export async function cases(context) {
  const { query } = context, kind = query.kind ?? "fp";
  const [body, bar] = await Promise.all([rowsOf(context, kind), controls(context,
    kind === "advice" ? select("To know better", query.metric ?? "precision", ["precision", "recall"], (metric) => context.go({ metric })) : select("Order", query.order ?? "-time", orders, (order) => context.go({ order, after: "" })))]);
  const rows = body.rows ?? [], threshold = f.isNumber(body.threshold) ? body.threshold : Number(query.threshold ?? 0.5);
  const chips = h("nav", { class: "chips", "aria-label": "Kinds of cases" }, kinds.map(([id, name]) => h("a", { href: context.link("cases", { ...context.kept(), kind: id, threshold: query.threshold, order: query.order }), "aria-current": id === kind ? "page" : undefined }, name)));
  const pane = h("section", { class: "panel detail", "aria-live": "polite" }), status = h("p", { role: "status", class: "quiet" });
  const state = { at: -1, full: null };
  const lines = rows.map((row, i) => h("tr", { onclick: () => pick(i), "data-id": row.prediction_id, tabindex: -1 }));

  function draw(i) {
    const row = rows[i], seen = outcomeOf(row, threshold);
    put(lines[i], [h("td", {}, badge(seen)), h("td", { class: "num" }, f.score(row.score)), h("td", {}, scoreBar(row, threshold)), h("td", {}, f.labelText(row.label)),
      h("td", { class: "when" }, f.minute(row.time)), h("td", {}, row.version), h("td", {}, row.segment ?? ""), h("td", { class: "cut" }, f.items(row) || row.prediction_id)]);
  }

  async function open(id) {
    const asking = (state.asking = {});
    const full = await getOr(null, `/v1/predictions/${enc(id)}`, { function: context.name }, context.signal);
    if (asking !== state.asking) return;
    state.full = full;
    put(pane, full ? detail(context, full, threshold, judge) : h("p", {}, `There is no prediction ${id}, or it is no longer kept.`));
    context.note({ id });
  }

  function pick(i) {
    if (!rows[i]) return;
    lines[state.at]?.removeAttribute("aria-selected");
    state.at = i;
    lines[i].setAttribute("aria-selected", "true");
    lines[i].scrollIntoView({ block: "nearest" });
    open(rows[i].prediction_id).catch(tell);
  }

  const tell = (error) => error.name === "AbortError" || put(status, error.message);

  async function judge(value) {
    try {
      if (value === "undo") {
        const last = said.pop();
        if (!last) return put(status, "Nothing to undo: you have labelled nothing here.");
        await label(context, last.row, last.before);
        put(status, `Taken back: ${f.score(last.row.score)} is ${f.labelText(last.before)} again.`);
        refresh(last.row);
        return;
      }
      const row = rows[state.at]?.prediction_id === state.full?.prediction_id ? rows[state.at] : state.full;
      if (!row) return put(status, "Choose a row first, with j and k.");
      said.push({ row, before: await label(context, row, value) });
      put(status, `Stored: ${f.score(row.score)} is ${f.labelText(value)}.`);
      refresh(row);
    } catch (error) {
      tell(error);
    }
  }

  function refresh(row) {
    const i = rows.indexOf(row);
    if (i >= 0) draw(i);
    if (state.full?.prediction_id === row.prediction_id) open(row.prediction_id).catch(tell);
  }

  context.onKey = ({ key }) => {
    const act = { j: () => pick(Math.min(rows.length - 1, state.at + 1)), k: () => pick(Math.max(0, state.at - 1)), y: () => judge(1), n: () => judge(0), u: () => judge("undo"), Enter: () => pane.querySelector("h2")?.focus() }[key];
    act?.();
    return Boolean(act);
  };

  rows.forEach((_, i) => draw(i));
  const at = rows.findIndex((row) => row.prediction_id === query.id);
  if (query.id && at < 0) open(query.id).catch(tell);
  else if (rows.length) setTimeout(() => pick(Math.max(0, at)));
  const none = kind === "all" ? nothing(context) : empty("No such case in this time", h("p", {}, kind === "fp" || kind === "fn"
    ? "Either it was right each time, or no label has come yet: see Unlabelled." : "Choose another kind above, or a longer time."));
  const list = rows.length === 0 ? none : h("section", { class: "panel" },
    kind === "advice" && adviceWords(context, body),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Cases" }, h("table", { class: "list picks" }, h("caption", { class: "hidden" }, "Cases; j and k move, y and n label"),
      h("thead", {}, h("tr", {}, ["", "Score", "", "Label", "Time (UTC)", "Version", "Segment", "Items"].map((t, i) => h("th", { scope: "col", class: i === 1 ? "num" : "" }, t)))), h("tbody", {}, lines))),
    h("p", { class: "row" }, h("span", { class: "quiet" }, f.plural(rows.length, "row"), body.next ? ", and more" : "", body.complete === false && `; looked at ${f.count(body.scanned)} predictions, which is the most at once: choose a shorter time to see the rest`), body.next && h("a", { href: context.link("cases", { ...query, id: "", after: body.next }) }, "next page")));
  put(pane, h("p", { class: "quiet" }, "Choose a row: j and k move, y and n label it."));
  return [bar, chips, status, h("div", { class: rows.length || query.id ? "grid list-detail" : "" }, list, (rows.length > 0 || query.id) && pane), jsonLink(body.asked)];
}
