// traffic: one function's calls: how many, how they ended, how long they took, and each as it comes.
import { get, follow, enc, ApiError } from "./api.js";
import { timeChart } from "./chart.js";
import { h, put, table, panel, empty } from "./dom.js";
import * as f from "./format.js";
import { controls } from "./main.js";
import { tile, plainTile, jsonLink } from "./parts.js";

const CALLS_SHOWN = 60;

// A point for each step, also where nothing was called: a gap in the calls is a zero, one of the latency is a gap.
function everyStep(body, points) {
  const at = new Map(points.map((p) => [f.seconds(p.time), p]));
  const times = [], found = [];
  const first = Math.floor(f.seconds(body.from) / body.step) * body.step;
  for (let t = first; t < f.seconds(body.to); t += body.step) {
    times.push(t);
    found.push(at.get(t) ?? null);
  }
  return { times, found };
}

function charts(context, body, points) {
  const { times, found } = everyStep(body, points);
  const of = (key) => found.map((p) => (p ? p[key] : 0)), bars = (key) => of(key).map((v) => v || null); // of none no bar, not even its outline
  const latency = (q) => found.map((p) => p?.latency_ms[q] ?? null);
  const unit = body.step % 3600 ? `${body.step / 60} min` : `${body.step / 3600} h`;
  const span = [times[0], times.at(-1) + body.step];
  const onSelect = (from, to) => context.go({ from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString(), span: "" });
  const shared = { times, span, sync: "traffic", onSelect };
  return h("div", { class: "grid two" },
    panel("Calls", `each ${unit}; drag over a chart to look closer`, timeChart({ ...shared, label: "Calls over time", as: f.count, lines: [
      { name: "calls", values: bars("calls"), bars: true, colour: "--accent", fill: "--accent-soft", as: f.count }] })),
    panel("Errors and throttles", `each ${unit}`, timeChart({ ...shared, label: "Errors and throttles over time", as: f.count, lines: [
      { name: "errors", values: of("errors"), colour: "--bad", as: f.count }, { name: "throttles", values: of("throttles"), colour: "--warm", as: f.count, dash: [5, 3] }] })),
    panel("Latency", "from the first byte in to the answer out; within 1 %", timeChart({ ...shared, label: "Latency percentiles over time", as: f.duration, lines: [
      { name: "p50", values: latency("p50"), colour: "--accent", as: f.duration, points: true }, { name: "p95", values: latency("p95"), colour: "--warm", as: f.duration, points: true },
      { name: "p99", values: latency("p99"), colour: "--muted", as: f.duration, dash: [5, 3], points: true }] })),
    panel("Cold starts and memory", "a cold call waited for a worker to start", timeChart({ ...shared, label: "Cold starts and peak memory over time", as: f.number, lines: [
      { name: "cold starts", values: bars("cold"), bars: true, colour: "--accent", fill: "--accent-soft", as: f.count },
      { name: "memory peak, MB", values: found.map((p) => p?.memory_peak_mb || null), colour: "--warm", as: f.number, points: true }] })));
}

function versions(list) {
  const heads = [["Version"], ["Calls", "num"], ["Errors", "num"], ["Error rate", "num"], ["95 % interval", "num quiet"], ["Throttles", "num"], ["Cold", "num"], ["Init, mean", "num"], ["p50", "num"], ["p95", "num"], ["p99", "num"], ["Memory peak", "num"]];
  return table("Figures by version", heads, list.map((v) => [h("b", {}, v.version), f.count(v.calls), f.count(v.errors), f.share(v.error_rate.value), f.shareRange(v.error_rate),
    f.count(v.throttles), f.count(v.cold), f.duration(v.init_ms), f.duration(v.latency_ms.p50), f.duration(v.latency_ms.p95), f.duration(v.latency_ms.p99), f.memory(v.memory_peak_mb)]));
}

// -- calls as they happen ---------------------------------------------------------------------------------------------

function callRow(call) {
  const total = call.answered_us >= 0 ? call.answered_us / 1000 : null;
  const text = (name, value) => value && [h("h3", {}, name), h("pre", {}, value)];
  return h("details", { class: "call" },
    h("summary", {},
      h("time", {}, f.time(new Date(call.received_wall_us / 1000).toISOString())),
      h("span", { class: call.error_type ? "bad" : "good" }, call.error_type || call.status),
      h("span", { class: "num" }, f.duration(total)), h("span", {}, `v${call.version}`), h("span", { class: "quiet" }, call.cold ? "cold" : ""),
      h("span", { class: "quiet cut" }, call.cause || call.detail || call.source)),
    h("div", { class: "bodies" }, h("p", { class: "quiet" }, `request ${call.request_id}`), text("Input", call.input), text("Output", call.output), text("Log", call.log)));
}

async function feed(context, list, state) {
  let shown = 0;
  const say = (text, live) => { put(state, text); state.className = live ? "live" : "quiet"; };
  const onLine = (call) => {
    if (shown++ === 0) put(list);
    list.prepend(callRow(call));
    if (list.children.length > CALLS_SHOWN) list.lastChild.remove();
  };
  try {
    say("live", true);
    await follow("/v1/logs", { function: context.name, limit: 20, follow: true }, context.signal, onLine);
    say("the server ended the stream; reload to go on");
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error instanceof ApiError && error.status === 429) {
      await follow("/v1/logs", { function: context.name, limit: 20 }, context.signal, onLine).catch(() => {});
      say("not live: as many clients follow the calls as may; these are the last ones");
    } else say(context.signal.aborted ? "" : error.message || "the stream broke off; reload to go on");
  }
}

export async function traffic(context) {
  const path = "/v1/traffic", asked = { function: context.name, version: context.query.version, ...context.window };
  const [body, bar] = await Promise.all([get(path, asked, context.signal), controls(context)]);
  const [mine] = body.functions;
  const list = h("div", { class: "calls", "aria-label": "Calls as they happen" }, h("p", { class: "quiet" }, "No call yet. What is called now appears here.")), state = h("span", { class: "live" }, "live");
  setTimeout(() => feed(context, list, state));
  const live = h("section", { class: "panel" }, h("header", {}, h("h2", {}, "Calls as they happen"), state), list);
  if (!mine)
    return [bar, empty("No call in this time", h("p", {}, "Choose a longer time above, or call it:"), h("pre", {}, `sculler invoke ${context.name} -e '{}'`)), live];
  const t = mine.total;
  return [bar,
    h("div", { class: "tiles" },
      plainTile("Calls", f.count(t.calls), `${f.count(t.throttles)} throttled`),
      tile("Error rate", t.error_rate, { as: f.share, extra: `${f.count(t.errors)} errors`, cls: t.errors ? "bad" : "" }),
      plainTile("p50", f.duration(t.latency_ms.p50), `p95 ${f.duration(t.latency_ms.p95)}`),
      plainTile("p99", f.duration(t.latency_ms.p99), `of ${f.count(t.calls - t.throttles)} calls`),
      plainTile("Cold starts", f.count(t.cold), t.cold ? `init ${f.duration(t.init_ms)} on average` : "every call found a worker"),
      plainTile("Memory peak", f.memory(t.memory_peak_mb), "of one worker")),
    charts(context, body, mine.points),
    panel("Versions", null, versions(mine.versions)), live,
    jsonLink(path + "?" + new URLSearchParams(Object.entries(asked).filter(([, v]) => v)))];
}
