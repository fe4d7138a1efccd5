// format: figures as text.  One way for each kind, so that equal things look equal.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const NONE = "–";
export const isNumber = (x) => typeof x === "number" && Number.isFinite(x);
export const count = (x) => (isNumber(x) ? whole.format(x) : NONE);
export const rate = (x) => (isNumber(x) ? x.toFixed(3) : NONE); // precision, recall: 0.912
export const share = (x) => (isNumber(x) ? `${(100 * x).toFixed(x > 0 && x < 0.1 ? 1 : 0)} %` : NONE);
export const score = (x) => (isNumber(x) ? x.toFixed(4) : NONE);
export const number = (x) => (isNumber(x) ? short.format(x) : NONE);
export const money = (x) => (isNumber(x) ? whole.format(Math.round(x * 100) / 100) : NONE);
export const range = (p) => (isNumber(p?.low) && isNumber(p?.high) ? `${rate(p.low)}–${rate(p.high)}` : NONE);
export const shareRange = (p) => (isNumber(p?.low) ? `${share(p.low)} – ${share(p.high)}` : NONE);
export const signed = (x, as = rate) => (!isNumber(x) ? NONE : `${x < 0 ? "−" : "+"}${as(Math.abs(x))}`);

export function duration(ms) {
  if (!isNumber(ms)) return NONE;
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  if (ms < 10000) return `${whole.format(Math.round(ms))} ms`;
  return `${short.format(ms / 1000)} s`;
}

export const memory = (mb) => (isNumber(mb) && mb > 0 ? `${short.format(mb)} MB` : NONE);

// All times are UTC, as the server's days and hours are.
export const time = (iso) => (iso ? iso.slice(0, 19).replace("T", " ") : NONE);
export const minute = (iso) => (iso ? iso.slice(5, 16).replace("T", " ") : NONE);
export const seconds = (iso) => Date.parse(iso) / 1000;

export function ago(iso) {
  if (!iso) return "never";
  const s = (Date.now() - Date.parse(iso)) / 1000;
  if (s < 90) return "just now";
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]])
    if (s >= 1.5 * size || unit === "minute") return `${Math.round(s / size)} ${unit}${Math.round(s / size) === 1 ? "" : "s"} ago`;
  return NONE;
}

export const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

export const labelText = (label) =>
  label === null || label === undefined ? "unlabelled" : label === true || label >= 0.5 ? (label === 1 || label === true ? "yes" : `yes (${label})`) : label === 0 || label === false ? "no" : `no (${label})`;
export const items = (row) => (typeof row.items === "string" ? row.items : Object.entries(row.items ?? {}).map(([k, v]) => `${k} ${v}`).join(" · "));
export const isPositive = (label) => label === true || (typeof label === "number" && label >= 0.5);
export const isLabelled = (row) => row.label !== null && row.label !== undefined;

export function outcome(scoreAt, threshold, label) {
  const yes = scoreAt >= threshold;
  if (label === null || label === undefined) return yes ? "yes" : "no";
  return isPositive(label) ? (yes ? "TP" : "FN") : yes ? "FP" : "TN";
}
