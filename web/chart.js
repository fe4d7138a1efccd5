// chart: lines over time by uPlot, in our colours, with interval bands and marks; all times UTC.
/* global uPlot */
import { h } from "./dom.js";
import * as f from "./format.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const utc = (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC");
const living = new Set();
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

// Marks: what was changed, and when.  A line down the chart, and its words at the top.
function drawMarks(u, marks) {
  const { ctx, bbox } = u, ratio = devicePixelRatio || 1;
  let lastX = -1e9, level = 0;
  const shown = [];
  for (const mark of marks) { // what lies within a few pixels is one line
    const x = Math.round(u.valToPos(f.seconds(mark.time), "x", true)), last = shown.at(-1);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    if (last && x - last.x < 12 * ratio) Object.assign(last, { mark, more: last.more + 1 });
    else shown.push({ x, mark, more: 0 });
  }
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  for (const { x, mark, more } of shown) {
    const text = mark.text.slice(0, 40) + (more ? ` (+${more})` : "");
    ctx.strokeStyle = ctx.fillStyle = colour(mark.kind === "version" ? "--accent" : "--muted");
    ctx.lineWidth = ratio;
    ctx.setLineDash(mark.kind === "version" ? [] : [4 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    level = x - lastX < 90 * ratio ? (level + 1) % 4 : 0;
    lastX = x;
    const width = ctx.measureText(text).width, room = bbox.left + bbox.width - x;
    ctx.fillText(text, room < width + 6 * ratio ? x - width - 4 * ratio : x + 4 * ratio, bbox.top + (2 + 13 * level) * ratio);
  }
  ctx.restore();
}

// 24 hours, and the day where it begins (or with the first).
function dates(u, at, _, __, step) {
  let last = "";
  return at.map((v) => {
    const iso = new Date(v * 1e3).toISOString(), day = `${Number(iso.slice(8, 10))} ${MONTHS[Number(iso.slice(5, 7)) - 1]}`;
    const text = step >= 86400 || (u.width < 360 && at.at(-1) - at[0] > 172800) ? day : iso.slice(11, 16) + (day === last ? "" : `\n${day}`);
    last = day;
    return text;
  });
}

function axis(extra) {
  return { stroke: colour("--muted"), font: "11px system-ui, sans-serif", grid: { stroke: colour("--grid"), width: 1 }, ticks: { stroke: colour("--grid"), width: 1, size: 4 }, ...extra };
}

const seriesOf = (line) => ({
  label: line.name, stroke: line.hidden ? "transparent" : colour(line.colour ?? "--accent"), width: line.hidden ? 0 : line.width ?? 1.75,
  dash: line.dash, fill: line.fill && colour(line.fill), spanGaps: line.spanGaps ?? false, value: (u, v) => (line.as ?? f.number)(v),
  points: { show: line.points ?? false, size: 5 }, paths: line.bars ? uPlot.paths.bars({ size: [0.8, 40] }) : undefined, scale: line.scale ?? "y",
});

/*
 * spec: {height, compact (no legend), times (seconds), lines: [{name, values, colour, as, dash, hidden, bars}], bands: [[high, low, colour]],
 *        range: [min, max] or null, as (of the axis), marks, label, sync}
 * Returns an element; it draws when it is in the page, follows its width, and is drawn anew when the theme changes.
 */
export function timeChart(spec) {
  const box = h("div", { class: "chart", role: "img", "aria-label": spec.label });
  const state = { box, plot: null };
  const draw = () => {
    state.plot?.destroy();
    const width = Math.max(200, box.clientWidth), lines = spec.lines;
    state.plot = new uPlot({
      width, height: spec.height ?? 180, tzDate: utc, pxAlign: 1,
      cursor: { sync: spec.sync ? { key: spec.sync } : undefined, drag: { x: Boolean(spec.onSelect), y: false }, points: { size: 6 } },
      legend: { show: !spec.compact, live: true, markers: { width: 2 } },
      scales: { x: { time: true, range: spec.span ? () => spec.span : undefined }, y: { range: spec.range ? () => spec.range : (u, lo, hi) => [0, hi > 0 ? hi * 1.1 : 1] } },
      axes: [axis({ space: 70, size: spec.compact ? 24 : 36, gap: 3, values: dates }), axis({ size: 58, space: 30, values: (u, at) => at.map((v) => (spec.as ?? f.number)(v)) })],
      series: [{ label: "time (UTC)", value: (u, v) => (v ? new Date(v * 1e3).toISOString().slice(0, 16).replace("T", " ") : f.NONE) }, ...lines.map(seriesOf)],
      bands: (spec.bands ?? []).map(([high, low, fill]) => ({ series: [high + 1, low + 1], fill: colour(fill) })),
      hooks: {
        draw: [(u) => drawMarks(u, spec.marks ?? [])],
        setSelect: spec.onSelect ? [(u) => u.select.width > 4 && spec.onSelect(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"))] : [],
      },
    }, [spec.times, ...lines.map((line) => line.values)], box);
    for (const [i, row] of [...box.querySelectorAll(".u-series")].entries()) if (i && lines[i - 1].hidden) row.hidden = true;
  };
  state.draw = draw;
  box.setValues = (i, values) => { // of a line that came later
    spec.lines[i].values = values;
    state.plot?.setData([spec.times, ...spec.lines.map((line) => line.values)]);
  };
  living.add(state);
  let lastWidth = 0;
  new ResizeObserver(() => {
    if (!box.isConnected) return void living.delete(state);
    if (box.clientWidth === lastWidth) return;
    lastWidth = box.clientWidth;
    if (state.plot) state.plot.setSize({ width: Math.max(200, lastWidth), height: spec.height ?? 180 });
    else draw();
  }).observe(box);
  return box;
}

export function redrawAll() {
  for (const state of living) state.box.isConnected && state.plot ? state.draw() : living.delete(state);
}

// A proportion over time: its line, and the band it lies in.
export function proportionLines(name, of, groups, tint = "--accent", band = "--accent-soft") {
  return {
    lines: [
      { name, values: groups.map((g) => of(g)?.value ?? null), colour: tint, as: f.rate, points: true },
      { name: "high", values: groups.map((g) => of(g)?.high ?? null), hidden: true },
      { name: "low", values: groups.map((g) => of(g)?.low ?? null), hidden: true },
    ],
    bands: [[1, 2, band]],
  };
}
