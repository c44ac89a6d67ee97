"use strict";
// Charts of confidences: reliability, risk against coverage, distributions, and traces by position in the text.

const rightWrong = () => (report.isDark() ? ["#56b4e9", "#ff8a4c"] : ["#0072b2", "#d55e00"]);
const gradeColor = () => ({ field: "grade", type: "nominal", title: null, scale: { domain: ["right", "wrong"], range: rightWrong() } });

function confidence(run) {
  const { el } = report;
  const found = run.confidence;
  return el("section", { id: "confidence" }, el("h2", {}, "How good the confidences are"),
    el("div", { class: "columns" }, reliability(found), riskCoverage(found)), distribution(found), metrics(found));
}

function reliability(found) {
  const values = found.reliability_bins.map((bin) => ({ ...bin, from: bin.accuracy_ci && bin.accuracy_ci[0], to: bin.accuracy_ci && bin.accuracy_ci[1],
    shown: `${report.percent(bin.accuracy)} % ${report.interval(bin.accuracy_ci)}`, mean: report.number(bin.confidence, 3) }));
  const scale = found.probabilities ? { domain: [0, 1] } : { zero: false };
  const x = { field: "confidence", type: "quantitative", scale, axis: report.axis("mean confidence of the samples in a bin") };
  const y = { type: "quantitative", scale: { domain: [0, 1] }, axis: report.axis("accuracy", ".0%") };
  const diagonal = { data: { values: [{ a: 0, b: 0 }, { a: 1, b: 1 }] }, mark: { type: "line", strokeDash: [4, 4], opacity: 0.6, color: getComputedStyle(document.documentElement).getPropertyValue("--soft").trim() },
    encoding: { x: { field: "a", type: "quantitative" }, y: { field: "b", type: "quantitative" } } };
  const color = { value: rightWrong()[0] };
  return report.chart({
    height: 260,
    layer: [
      ...(found.probabilities ? [diagonal] : []),
      { data: { values }, mark: { type: "rule", strokeWidth: 2, opacity: 0.6 }, encoding: { x, y: { ...y, field: "from" }, y2: { field: "to" }, color } },
      { data: { values }, mark: { type: "line", opacity: 0.5, strokeWidth: 1 }, encoding: { x, y: { ...y, field: "accuracy" }, color } },
      { data: { values }, mark: { type: "point", filled: true, size: 60, opacity: 1 }, encoding: { x, y: { ...y, field: "accuracy" }, color,
        tooltip: [{ field: "mean", title: "mean confidence" }, { field: "shown", title: "accuracy" }, { field: "samples" }, { field: "questions" }] } },
    ],
  }, {
    title: "Reliability", label: "Reliability diagram: accuracy against confidence in bins of equal mass.",
    note: "On the dashed line a confidence of 0.8 is right in 80 % of the samples. Bars: 95 % intervals over questions.",
    numbers: () => report.table([
      { title: "confidence", show: (bin) => `${report.number(bin.low, 3)} – ${report.number(bin.high, 3)}`, sort: (bin) => bin.low },
      { title: "accuracy, %", show: (bin) => report.percent(bin.accuracy), sort: (bin) => bin.accuracy },
      { title: "95 % interval", show: (bin) => report.interval(bin.accuracy_ci), sort: (bin) => bin.accuracy },
      { title: "samples", key: "samples" }, { title: "questions", key: "questions" },
    ], found.reliability_bins),
  });
}

function riskCoverage(found) {
  const { coverage, risk, low, high, optimal } = found.risk_coverage;
  const values = coverage.map((share, i) => ({ coverage: share, risk: risk[i], low: low && low[i], high: high && high[i], optimal: optimal[i],
    shown: `${report.percent(risk[i])} %${low ? ` [${report.percent(low[i])}, ${report.percent(high[i])}]` : ""}`, answered: `${report.percent(share, 0)} %` }));
  const x = { field: "coverage", type: "quantitative", axis: report.axis("coverage: share of samples answered", ".0%") };
  const y = (field) => ({ field, type: "quantitative", axis: report.axis("error rate among them", ".0%") });
  const [blue] = rightWrong();
  const soft = getComputedStyle(document.documentElement).getPropertyValue("--soft").trim();
  return report.chart({
    height: 260, data: { values },
    layer: [
      ...(low ? [{ mark: { type: "area", opacity: 0.15, color: blue }, encoding: { x, y: y("low"), y2: { field: "high" } } }] : []),
      { mark: { type: "line", strokeDash: [4, 4], color: soft }, encoding: { x, y: y("optimal") } },
      { mark: { type: "line", color: blue, strokeWidth: 2 }, encoding: { x, y: y("risk") } },
      { mark: { type: "point", opacity: 0, size: 120 }, encoding: { x, y: y("risk"), tooltip: [{ field: "answered", title: "coverage" }, { field: "shown", title: "error rate" }] } },
    ],
  }, {
    title: "Risk and coverage", label: "Error rate of the most confident samples against their share.",
    note: "The most confident samples are answered first. Dashed: a perfect ranking.",
  });
}

function distribution(found) {
  const values = found.histogram.map((column) => ({ ...column, grade: column.right ? "right" : "wrong", span: `${report.number(column.low)} – ${report.number(column.high)}` }));
  return report.chart({
    height: 150, data: { values }, mark: { type: "bar", binSpacing: 1 },
    encoding: {
      x: { field: "low", bin: { binned: true }, type: "quantitative", axis: report.axis("confidence") }, x2: { field: "high" },
      y: { field: "samples", type: "quantitative", stack: "zero", axis: report.axis("samples") }, color: gradeColor(),
      tooltip: [{ field: "span", title: "confidence" }, { field: "grade" }, { field: "samples" }],
    },
  }, { title: "Distribution", label: "Histogram of the confidences of right and of wrong samples.",
    numbers: () => report.table([{ title: "confidence", left: true, key: "span" }, { title: "grade", left: true, key: "grade" }, { title: "samples", key: "samples" }], values) });
}

function metrics(found) {
  return report.table([
    { title: "metric", left: true, show: (row) => found.labels[row.name] ?? row.name, sort: (row) => row.name },
    { title: "value", show: (row) => report.number(row.value, 4), sort: (row) => row.value },
    { title: "95 % interval", show: (row) => report.interval(row.ci, (end) => report.number(end, 4)), sort: (row) => row.ci && row.ci[0] },
    { title: "better", left: true, show: (row) => (row.better === "neither" ? "" : row.better), sort: (row) => row.better },
  ], found.metrics.filter((row) => row.value !== null), { caption: `Confidence of ${report.count(found.samples, "sample")} of ${report.count(found.questions, "question")}` });
}

const TRACES = { confidence: "Confidence token by token", value: "FineCE's value token by token", probability: "Probability of the tokens drawn" };

// Return the traces by position in the text: those of the samples, and those of the draws of searches that ended.
function positions(run) {
  const ofSearch = (one) => byPosition(one.positions.filter((row) => row.trace !== "probability"), `, draws of ${report.visible(one.strategy)} that ended`);
  const charts = [...byPosition(run.positions, ""), ...(run.trees || []).filter((one) => !one.own).flatMap(ofSearch)];
  return charts.length ? report.el("section", { id: "positions" }, report.el("h2", {}, "Along the text"), report.el("div", { class: "columns" }, charts)) : null;
}

function byPosition(rows, of) {
  return [...new Set(rows.map((row) => row.trace))].map((name) => {
    const values = rows.filter((row) => row.trace === name).map((row) => ({ ...row, grade: row.right ? "right" : "wrong", at: report.percent(row.position, 0) + " %", shown: report.number(row.mean, 3), ranked: report.number(row.auroc, 3) }));
    const known = values.filter((row) => row.auroc !== null);
    const best = known.reduce((one, other) => (other.auroc > one.auroc ? other : one), known[0]);
    return report.chart({
      height: 190, data: { values }, mark: { type: "line", point: true },
      encoding: {
        x: { field: "position", type: "quantitative", scale: { domain: [0, 1] }, axis: report.axis("position in the text", ".0%") },
        y: { field: "mean", type: "quantitative", scale: { zero: false }, axis: report.axis("mean") }, color: gradeColor(),
        tooltip: [{ field: "grade" }, { field: "at", title: "position" }, { field: "shown", title: "mean" }, { field: "ranked", title: "AUROC" }, { field: "samples" }],
      },
    }, { title: TRACES[name] + of, label: `Mean ${name} by position in the text, of right and of wrong samples${of}.`,
      note: known.length ? `AUROC ${known[0].ranked} at the start, ${known.at(-1).ranked} at the end, ${best.ranked} at best (at ${best.at}).` : null,
      numbers: () => report.table([{ title: "grade", left: true, key: "grade" }, { title: "position", key: "at" }, { title: "mean", key: "shown" }, { title: "samples", key: "samples" },
        { title: "AUROC", hint: "P(a right sample has a higher mean here than a wrong one)", key: "ranked" }], values) });
  });
}
