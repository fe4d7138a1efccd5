// overview: every function, and how its last hour and day went.
import { get, getOr, enc } from "./api.js";
import { h, put, table, empty } from "./dom.js";
import * as f from "./format.js";
import { address } from "./main.js";

const QUALITY_ASKED_MAX = 30, FORTNIGHT_MS = 14 * 86400e3;

// Precision of the last fortnight, for each that has predictions: asked one by one, once the page is there.
async function addQuality(context, functions, cells) {
  const from = new Date(Date.now() - FORTNIGHT_MS).toISOString();
  for (const fn of functions.slice(0, QUALITY_ASKED_MAX)) {
    const q = await getOr(null, `/v1/quality/${enc(fn.function)}`, { from }, context.signal), cell = cells.get(fn.function);
    const link = (...text) => h("a", { href: address(fn.function, "quality") }, text);
    if (!q?.n) put(cell, h("span", { class: "quiet" }, "no predictions"));
    else if (!q.labelled) put(cell, link(`${f.plural(q.n, "prediction")}, none labelled`));
    else put(cell, link(h("b", {}, f.rate(q.precision.value))), h("span", { class: "quiet" }, ` ${f.range(q.precision)} · n ${f.count(q.precision.n)} · ${f.share(q.labelled_share)} labelled`));
  }
}

function row(fn, cells) {
  const live = fn.aliases.find((a) => a.alias === "live") ?? fn.aliases[0];
  const numbers = fn.versions.filter((v) => v !== "$LATEST");
  const rate = fn.day.error_rate;
  return [
    h("a", { href: address(fn.function, "traffic") }, fn.function),
    live ? [h("b", {}, live.version), live.second_weight > 0 && ` + ${live.second_version} (${f.share(live.second_weight)})`, h("span", { class: "quiet" }, ` ${live.alias}`)] : h("span", { class: "quiet" }, "no alias"),
    f.count(numbers.length),
    fn.last_call ? h("time", { datetime: fn.last_call, title: f.time(fn.last_call) + " UTC" }, f.ago(fn.last_call)) : "never",
    f.count(fn.hour.calls),
    h("span", { class: fn.hour.errors ? "bad" : "" }, f.count(fn.hour.errors)),
    f.count(fn.day.calls), rate.n ? f.share(rate.value) : f.NONE, rate.n ? f.shareRange(rate) : f.NONE,
    f.duration(fn.day.latency_ms.p50), f.duration(fn.day.latency_ms.p95), f.count(fn.day.cold), f.memory(fn.day.memory_peak_mb),
    cells.get(fn.function),
  ];
}

const heads = [["Function"], ["Live"], ["Versions", "num"], ["Last call"], ["Calls, 1 h", "num"], ["Errors, 1 h", "num"], ["Calls, 24 h", "num"],
  ["Error rate", "num"], ["95 % interval", "num quiet"], ["p50", "num"], ["p95", "num"], ["Cold", "num"], ["Memory peak", "num"], ["Precision, 14 days", "when"]];

export async function overview(context) {
  const { functions } = await get("/v1/functions", {}, context.signal);
  if (!functions.length)
    return empty("No function is here yet",
      h("p", {}, "Deploy one from a shell, with its folder:"), h("pre", {}, "sculler deploy examples/budget_expense_matcher"),
      h("p", {}, "It appears here when that is done; reload this page."));
  const cells = new Map(functions.map((fn) => [fn.function, h("span", { class: "quiet" }, "…")]));
  setTimeout(() => addQuality(context, functions, cells).catch((error) => error.name === "AbortError" || console.error(error)));
  return [h("h1", {}, "Functions"), h("section", { class: "panel" }, table("Functions, and how they were called", heads, functions.map((fn) => row(fn, cells)), { class: "list" }))];
}
