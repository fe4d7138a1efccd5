// main: which view the address asks for, its frame, and the keys that work everywhere.
//
//   #/                                       what there is
//   #/f/NAME/VIEW?span=14d&version=&segment= one function; all of a view's state is in its address, so it can be sent
import { get, getOr, enc, ApiError } from "./api.js";
import { redrawAll } from "./chart.js";
import { h, put, select, empty } from "./dom.js";
import * as f from "./format.js";
import { calibration } from "./calibration.js";
import { cases } from "./cases.js";
import { overview } from "./overview.js";
import { quality } from "./quality.js";
import { replay } from "./replay.js";
import { threshold } from "./threshold.js";
import { traffic } from "./traffic.js";

const views = [
  ["traffic", "Traffic", traffic], ["quality", "Quality", quality], ["threshold", "Threshold", threshold],
  ["cases", "Cases", cases], ["calibration", "Calibration & drift", calibration], ["replay", "Replay", replay],
];
const spans = [["1h", "last hour"], ["24h", "last 24 hours"], ["7d", "last 7 days"], ["14d", "last 14 days"], ["30d", "last 30 days"], ["90d", "last 90 days"]];
const SPAN_S = { h: 3600, d: 86400 };
const keys = [
  ["g then o", "overview"], ["1 … 6", "the views of a function, from left to right"], ["j / k", "next / previous row"],
  ["y / n / u", "label the row: yes, no; undo"], ["Enter", "open the row"], ["← / →", "move the threshold (with Shift: by 16)"], ["?", "these keys"],
];

let leaving = new AbortController();
let current = null;

function parse() {
  const [path, text] = location.hash.replace(/^#\/?/, "").split("?");
  const [kind, name, view] = path.split("/").map(decodeURIComponent);
  return { kind: kind || "overview", name, view: view || "traffic", query: Object.fromEntries(new URLSearchParams(text ?? "")) };
}

export function address(name, view, members) {
  const text = new URLSearchParams();
  for (const [key, value] of Object.entries(members ?? {})) if (value !== undefined && value !== null && value !== "") text.set(key, value);
  return `#/f/${enc(name)}/${view}${text.size ? "?" + text : ""}`;
}

// From and to of a view: of its address, else the last `span`.
function windowOf(query, fallback) {
  if (query.from && query.to) return { from: query.from, to: query.to };
  const [, n, unit] = /^(\d+)([hd])$/.exec(query.span ?? fallback) ?? [0, 14, "d"];
  const to = Math.ceil(Date.now() / 60000) * 60, from = to - n * SPAN_S[unit];
  return { from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString() };
}

// What a view gets: its function, its state, and how to change that.
function contextOf(place) {
  const fallback = place.view === "traffic" ? "24h" : "14d";
  const context = {
    ...place, signal: leaving.signal, window: windowOf(place.query, fallback),
    link: (view, members) => address(place.name, view, members),
    // Another state: a step in the history, and drawn anew.
    go: (members, view = place.view) => { location.hash = address(place.name, view, { ...context.query, ...members }); },
    // The same, of what the view has drawn already: no step, nothing drawn.
    note: (members) => {
      Object.assign(context.query, members);
      history.replaceState(null, "", address(place.name, place.view, context.query));
    },
    onKey: null,
  };
  context.kept = () => ({ span: context.query.span, from: context.query.from, to: context.query.to, version: context.query.version, segment: context.query.segment });
  context.asked = () => ({ ...context.window, version: context.query.version, segment: context.query.segment });
  return context;
}

function header(place) {
  const name = place.kind === "f" ? place.name : null;
  return put(document.getElementById("top"),
    h("a", { href: "#/", class: "brand" }, "Sculler"),
    name && h("span", { class: "crumb" }, name),
    name && h("nav", { "aria-label": "Views of the function" }, views.map(([id, text]) =>
      h("a", { href: address(name, id, current.kept()), "aria-current": id === place.view ? "page" : undefined }, text))),
    h("button", { class: "plain keys", onclick: showKeys, "aria-label": "Keyboard shortcuts" }, "?"));
}

function showKeys() {
  const dialog = h("dialog", { class: "keys", onclose: () => dialog.remove() },
    h("h2", {}, "Keys"), h("dl", {}, keys.map(([key, text]) => [h("dt", {}, key), h("dd", {}, text)])),
    h("form", { method: "dialog" }, h("button", {}, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}

// The span, version and segment of a view.  more: what else it can be asked.
export async function controls(context, more) {
  const { name, query, window } = context;
  const custom = query.from && query.to;
  const [versions, segments] = context.view === "traffic"
    ? [await getOr(null, "/v1/traffic", { function: name, ...window }, context.signal).then((t) => t?.functions[0]?.versions.map((v) => v.version) ?? []), null]
    : await Promise.all(["version", "segment"].map((by) =>
      getOr(null, `/v1/quality/${enc(name)}`, { ...window, by }, context.signal).then((q) => (q?.groups ?? []).map((g) => g.key))));
  const withAll = (list, chosen) => [["", "all"], ...new Set([...list, ...(chosen ? [chosen] : [])].filter(Boolean))];
  return h("form", { class: "controls", onsubmit: (event) => event.preventDefault(), "aria-label": "What is shown" },
    select("Time", custom ? "custom" : query.span ?? (context.view === "traffic" ? "24h" : "14d"),
      custom ? [["custom", `${f.time(query.from).slice(0, 16)} – ${f.time(query.to).slice(0, 16)}`], ...spans] : spans,
      (span) => span !== "custom" && context.go({ span, from: "", to: "" })),
    select("Version", query.version ?? "", withAll(versions, query.version), (version) => context.go({ version })),
    segments && (segments.filter(Boolean).length > 0 || query.segment) && select("Segment", query.segment ?? "", withAll(segments, query.segment), (segment) => context.go({ segment })),
    more);
}

function failed(error) {
  return h("div", { class: "empty", role: "alert" }, h("h2", {}, "This could not be shown"), h("p", {}, error.message),
    !(error instanceof ApiError) && h("pre", {}, String(error.stack)));
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const place = parse(), main = document.getElementById("main"), mine = leaving;
  current = contextOf(place);
  header(place);
  const view = place.kind === "f" ? views.find(([id]) => id === place.view) : ["overview", "Functions", overview];
  document.title = place.kind === "f" ? `${place.name} · ${view?.[1] ?? ""} · Sculler` : "Sculler";
  main.setAttribute("aria-busy", "true");
  try {
    if (!view) throw new ApiError(404, `There is no view '${place.view}' of a function.`);
    const content = await view[2](current);
    if (mine === leaving) put(main, content);
  } catch (error) {
    if (error.name === "AbortError" || mine !== leaving) return;
    if (!(error instanceof ApiError)) console.error(error);
    put(main, failed(error));
  } finally {
    if (mine === leaving) main.removeAttribute("aria-busy");
  }
}

let before = "";
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=range]), select, textarea, dialog")) return;
  const { key } = event;
  if (key === "?") showKeys();
  else if (before === "g" && key === "o") location.hash = "#/";
  else if (current.kind === "f" && /^[1-6]$/.test(key)) location.hash = address(current.name, views[key - 1][0], current.kept());
  else if (current.onKey?.(event)) event.preventDefault();
  before = key;
}

addEventListener("hashchange", show);
addEventListener("keydown", onKey);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
show();
