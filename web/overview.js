// overview: every function, and how its last hour and day went.
import { get } from "./api.js";
import { h, table, panel, empty } from "./dom.js";
import * as f from "./format.js";
import { address } from "./main.js";

function row(fn) {
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
    h("a", { href: address(fn.function, "quality"), "aria-label": `Quality of ${fn.function}` }, "quality"),
  ];
}

const heads = [["Function"], ["Live"], ["Versions", "num"], ["Last call"], ["Calls, 1 h", "num"], ["Errors, 1 h", "num"], ["Calls, 24 h", "num"],
  ["Error rate", "num"], ["95 % interval", "num quiet"], ["p50", "num"], ["p95", "num"], ["Cold", "num"], ["Memory peak", "num"], [""]];

export async function overview(context) {
  const { functions } = await get("/v1/functions", {}, context.signal);
  if (!functions.length)
    return empty("No function is here yet",
      h("p", {}, "Deploy one from a shell, with its folder:"), h("pre", {}, "sculler deploy examples/budget_expense_matcher"),
      h("p", {}, "It appears here when that is done; reload this page."));
  return [h("h1", {}, "Functions"), panel("", null, table("Functions, and how they were called", heads, functions.map(row), { class: "list" }))];
}
