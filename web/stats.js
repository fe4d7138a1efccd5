// stats: what the browser works out itself from a histogram of scores, so that the slider waits for nobody.
// The same definitions as the server's stats/ (the tests hold them beside each other).

const Z = 1.959963984540054; // 95 %

// Wilson's score interval, as everywhere here.
export function wilson(k, n) {
  if (!n) return { value: null, low: null, high: null, n, k };
  const p = k / n, z2 = Z * Z, scale = 1 + z2 / n;
  const centre = (p + z2 / (2 * n)) / scale;
  const half = (Z / scale) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return { value: p, low: k ? centre - half : 0, high: k < n ? centre + half : 1, n, k };
}

// From each bin on: how many scores are at or above its lower edge.
export function suffixSums(bins) {
  const sums = new Float64Array(bins.length + 1);
  for (let i = bins.length - 1; i >= 0; i--) sums[i] = sums[i + 1] + bins[i];
  return sums;
}

export class Curve {
  constructor(positive, negative, unlabelled) {
    this.bins = positive.length;
    this.positive = positive;
    this.negative = negative;
    this.unlabelled = unlabelled;
    this.p = suffixSums(positive);
    this.q = suffixSums(negative);
    this.u = suffixSums(unlabelled);
  }

  edgeOf(threshold) {
    return Math.max(0, Math.min(this.bins, Math.round(threshold * this.bins)));
  }

  // The confusion and all that follows from it when decisions are score >= edge / bins.
  at(edge) {
    const tp = this.p[edge], fp = this.q[edge], fn = this.p[0] - tp, tn = this.q[0] - fp;
    const denominator = 2 * tp + fp + fn;
    return {
      edge, threshold: edge / this.bins, tp, fp, fn, tn,
      unlabelled_positive: this.u[edge], unlabelled_negative: this.u[0] - this.u[edge],
      precision: wilson(tp, tp + fp), recall: wilson(tp, tp + fn), specificity: wilson(tn, tn + fp),
      accuracy: wilson(tp + tn, tp + tn + fp + fn), f1: denominator ? (2 * tp) / denominator : null,
    };
  }

  get labelled() {
    return this.p[0] + this.q[0];
  }
  get total() {
    return this.labelled + this.u[0];
  }

  // What moves between two edges, by label: those that change from yes to no, or from no to yes.
  changed(from, to) {
    const a = Math.min(from, to), b = Math.max(from, to);
    return { up: to < from, positive: this.p[a] - this.p[b], negative: this.q[a] - this.q[b], unlabelled: this.u[a] - this.u[b] };
  }
}

export const cost = (c, costFp, costFn) => c.fp * costFp + c.fn * costFn;
