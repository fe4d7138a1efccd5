// replay: what another version would have said to the last calls: started here, and its result.
import { get, getOr, post, drop, enc } from "./api.js";
import { h, put, field, select, panel, table, empty } from "./dom.js";
import * as f from "./format.js";
import { forest, jsonLink, tile } from "./parts.js";

const ASK_AGAIN_MS = 1000;

async function start(context, form, status) {
  const value = (name) => form.elements[name]?.value || undefined;
  put(status, "Starting…");
  try {
    const made = await post("/v1/replays", { function: context.name, version: value("version"), against: value("against"), last: Number(value("last")), rate: Number(value("rate")) });
    context.go({ id: made.id });
  } catch (error) {
    put(status, error.message);
  }
}

function startPanel(context, fn) {
  const versions = (fn?.versions ?? []).filter((v) => v !== "$LATEST"), status = h("p", { role: "status" });
  if (!versions.length) return empty("No version to replay through", h("p", {}, "A replay runs recorded calls through a published version. Publish one:"), h("pre", {}, "sculler deploy FOLDER"));
  const named = (box, name) => { box.querySelector("select, input").name = name; return box; };
  const form = h("form", { class: "controls", onsubmit: (event) => { event.preventDefault(); start(context, form, status); } },
    named(select("Version", versions.at(-1), versions, () => {}), "version"), named(select("Against", "recorded", [["recorded", "what was answered then"], ...versions], () => {}), "against"),
    named(field("Last calls", { type: "number", min: 1, max: 1000000, value: 1000 }), "last"), named(field("A second, at most", { type: "number", min: 1, max: 10000, value: 50 }), "rate"), h("button", { class: "primary" }, "Replay"));
  return panel("Replay the last calls", "in a cell, at low priority; nobody is answered by it", form, status);
}

const RUNNING = ["waiting", "running"];

// Before, after, and how far apart: the same rows were judged twice, so the difference is surer than the two alone say.
const sides = (name, pair) => pair && [tile(`${name} before`, pair.before), tile(`${name} after`, pair.after, {
  extra: f.isNumber(pair.difference?.value) && `${f.signed(pair.difference.value)} (${f.signed(pair.difference.low)} to ${f.signed(pair.difference.high)})` })];

function changedRows(context, rows) {
  const word = (d) => (d === null || d === undefined ? f.NONE : d === true || d === 1 || d === "yes" ? "yes" : "no");
  const judged = (row) => {
    if (!f.isLabelled(row)) return h("span", { class: "quiet" }, "not known yet");
    return f.isPositive(row.label) === (word(row.decision_after) === "yes") ? h("span", { class: "good" }, "now right") : h("span", { class: "bad" }, "now wrong");
  };
  return table("Decisions that change, labelled ones first", [["Before"], ["After"], ["Score before", "num"], ["Score after", "num"], ["Label"], ["Judged"], ["Items", "cut"], ["Request"]], rows.map((row) =>
    [word(row.decision_before), word(row.decision_after), f.score(row.score_before), f.score(row.score_after), f.labelText(row.label), judged(row),
      f.items(row) || row.words, h("span", { class: "quiet" }, `${row.request_id ?? ""}${f.isNumber(row.position) ? `:${row.position}` : ""}`)]));
}

function result(context, body) {
  return [h("div", { class: "headline" }, h("b", {}, `${f.count(body.changed)} of ${f.plural(body.decisions, "decision")} change`), h("span", { class: "quiet" },
    [`version ${body.version} against ${body.against === "recorded" ? "what was answered then" : `version ${body.against}`}`, `${f.plural(body.compared, "call")} compared of ${f.count(body.calls)}`,
      body.differ > 0 && `${f.plural(body.differ, "answer")} differ`, body.failed > 0 && `${f.count(body.failed)} failed that had not`, body.mended > 0 && `${f.count(body.mended)} answered that had failed`,
      body.cut > 0 && `${f.count(body.cut)} left out, whose event is not on record whole`].filter(Boolean).join("; "))),
  body.state !== "done" && h("p", { class: "note" }, `It ended as ${body.state}${body.why ? `: ${body.why}` : "."}`),
  h("div", { class: "tiles" }, sides("Precision", body.precision), sides("Recall", body.recall)),
  body.rows?.length > 0 ? panel("What changes", "labelled ones first", changedRows(context, body.rows)) : h("p", { class: "note" }, "No decision changes.")];
}

async function watch(context, id, into) {
  for (;;) {
    const body = await get(`/v1/replays/${enc(id)}`, {}, context.signal);
    if (!RUNNING.includes(body.state)) return put(into, result(context, body), jsonLink(`/v1/replays/${enc(id)}`));
    const done = body.taken ?? 0;
    put(into, panel("Replaying", null, h("progress", { max: body.calls || 1, value: done, "aria-label": "Progress" }), h("p", { class: "quiet" }, `${f.count(done)} of ${f.count(body.calls)} calls${body.now?.gives_way ? "; it waits, since live calls want the workers" : ""}`),
      h("button", { onclick: () => drop(`/v1/replays/${enc(id)}`).catch((error) => put(into, h("p", { class: "bad" }, error.message))) }, "Cancel")));
    await new Promise((next) => setTimeout(next, ASK_AGAIN_MS));
  }
}

export async function replay(context) {
  const [{ functions }, list] = await Promise.all([get("/v1/functions", {}, context.signal), getOr(null, "/v1/replays", { function: context.name }, context.signal)]);
  const into = h("div", { "aria-live": "polite" }), id = context.query.id, old = list?.replays ?? [];
  if (id) setTimeout(() => watch(context, id, into).catch((error) => error.name === "AbortError" || put(into, empty(`Replay ${id} cannot be shown`, h("p", {}, error.message)))));
  return [startPanel(context, functions.find((fn) => fn.function === context.name)), into,
    old.length > 0 && panel("Replays so far", null, table("Replays so far", [["Asked for (UTC)"], ["Version"], ["Against"], ["Calls", "num"], ["Decisions", "num"], ["Changed", "num"], ["State"], [""]], old.map((r) =>
      [f.time(r.created), r.version, r.against, f.count(r.calls), f.count(r.decisions), f.count(r.changed), r.state, h("a", { href: context.link("replay", { id: r.id }) }, "result")])))];
}
