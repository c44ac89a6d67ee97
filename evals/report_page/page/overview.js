"use strict";
// The first view: the result in a sentence, accuracy against cost, the causes of wrong decisions, and confidences.

report.views = {};

report.views.overview = function (state) {
  const { el } = report;
  const run = report.store.runs[state.run];
  return [
    el("p", { class: "headline" }, report.visible(run.headline)),
    run.missing.map((sentence) => el("p", { class: "missing" }, report.visible(sentence))),
    run.comparison ? comparison(run) : null,
    run.comparison && run.comparison.strategies.every((row) => row.regret) ? regret(run, state) : null,
    run.confidence ? confidence(run) : null,
    positions(run),
  ];
};

const COSTS = { samples: "samples a question", tokens: "tokens a question", seconds: "seconds of the machine a question", cost: "cost a question" };

function comparison(run) {
  const { el } = report;
  const rows = report.strategies(run);
  const shown = new Set(defaultLines(run));
  const costs = Object.keys(COSTS).filter((key) => rows.every((row) => row[key] !== null && row[key] !== undefined) && (key !== "cost" || run.comparison.price.generated));
  const few = shown.size <= 3 ? null : new Set(banded(run, shown));
  let cost = costs.includes("tokens") ? "tokens" : costs[0];
  const title = () => `Accuracy against ${COSTS[cost]}`;
  const figure = report.chart(accuracy(run, shown, cost, few), {
    label: `${run.headline}. The table below has the values of the chart.`,
    note: run.live ? `Each point is a strategy, with its 95 % interval over questions. The reference is ${run.reference}.`
      : `Each line is a strategy at growing budgets, the last point the full one; bands are 95 % intervals over questions. The thick line is the reference, ${run.reference}.`,
    numbers: () => budgets(rows),
  });
  const heading = el("h2", {}, title());
  const choose = el("select", { id: "cost", on: { change: () => { cost = choose.value; heading.textContent = title(); redraw(); } } },
    costs.map((key) => el("option", { value: key, selected: key === cost }, COSTS[key])));
  const redraw = () => figure.redraw(accuracy(run, shown, cost, all.checked ? null : few));
  const all = el("input", { type: "checkbox", id: "bands", checked: few === null, on: { change: () => redraw() } });
  const toggle = (row, box) => { if (box.checked) shown.add(row.name); else shown.delete(row.name); redraw(); };
  return el("section", { id: "accuracy" }, heading, el("div", { class: "controls" }, el("label", {}, "against ", choose), el("label", {}, all, "intervals of all lines")), figure, strategies(run, shown, toggle));
}

// All lines of a few strategies; else the reference, the best ones, and the cheapest ones that are not worse.
function defaultLines(run) {
  const rows = report.strategies(run);
  if (rows.length <= 8) return rows.map((row) => row.name);
  const fair = rows.filter((row) => row.source !== "control");
  const best = [...fair].sort((a, b) => b.accuracy - a.accuracy).slice(0, 3);
  const cheap = fair.filter((row) => ["better", "not worse"].includes(row.vs_self_consistency.verdict)).sort((a, b) => a.samples - b.samples).slice(0, 3);
  return [run.reference, ...best.map((row) => row.name), ...cheap.map((row) => row.name)];
}

report.lineLook = function (run, name) {
  if (name === run.reference) return { color: getComputedStyle(document.documentElement).getPropertyValue("--text").trim(), dash: [1, 0] };
  const others = report.strategies(run).map((row) => row.name).filter((one) => one !== run.reference);
  return report.look(others.indexOf(name));
};

// The reference and the line that is best: two bands can be told apart.
function banded(run, shown) {
  const rows = report.strategies(run).filter((row) => shown.has(row.name) && row.name !== run.reference && row.source !== "control");
  return [run.reference, ...rows.sort((a, b) => b.accuracy - a.accuracy).slice(0, 1).map((row) => row.name)];
}

function accuracy(run, shown, cost, bands) {
  const names = report.strategies(run).map((row) => row.name).filter((name) => shown.has(name));
  const looks = names.map((name) => report.lineLook(run, name));
  const values = report.strategies(run).filter((row) => shown.has(row.name)).flatMap((row) => row.efficiency.map((point) => ({
    strategy: row.name, x: point[cost], accuracy: point.accuracy, low: point.accuracy_ci[0], high: point.accuracy_ci[1], budget: point.budget,
    parameters: report.visible(JSON.stringify(row.params)), shown: `${report.percent(point.accuracy)} % ${report.interval(point.accuracy_ci)}`,
    samples: report.number(point.samples), tokens: report.number(point.tokens, 0), reference: row.name === run.reference,
  })));
  const color = { field: "strategy", type: "nominal", legend: null, scale: { domain: names, range: looks.map((look) => look.color) } };
  const dash = { field: "strategy", type: "nominal", legend: null, scale: { domain: names, range: looks.map((look) => look.dash) } };
  const x = { field: "x", type: "quantitative", scale: { zero: cost === "samples", nice: true }, axis: report.axis(COSTS[cost]) };
  const y = { type: "quantitative", scale: { zero: false, padding: 8 }, axis: report.axis("accuracy", ".0%") };
  const tooltip = [["strategy", "strategy"], ["shown", "accuracy"], ["budget", "budget"], ["samples", "samples"], ["tokens", "tokens"], ["parameters", "parameters"]]
    .map(([field, title]) => ({ field, title }));
  return {
    data: { values }, height: 340, encoding: { x, color },
    layer: [
      { transform: bands ? [{ filter: { field: "strategy", oneOf: [...bands] } }] : [], mark: { type: "area", opacity: 0.13 }, encoding: { y: { ...y, field: "low" }, y2: { field: "high" } } },
      { mark: { type: "line" }, encoding: { y: { ...y, field: "accuracy" }, strokeDash: dash, order: { field: "budget" }, strokeWidth: { condition: { test: "datum.reference", value: 3 }, value: 1.8 } } },
      ...(run.live ? [{ mark: { type: "rule" }, encoding: { y: { ...y, field: "low" }, y2: { field: "high" }, color } }] : []),
      { mark: { type: "point", filled: true, size: 46, opacity: 1 }, encoding: { y: { ...y, field: "accuracy" }, tooltip } },
    ],
  };
}

function strategies(run, shown, toggle) {
  const { el } = report;
  const versus = (row) => row.vs_self_consistency;
  const swatch = (row) => {
    const look = report.lineLook(run, row.name);
    const line = el("span", { class: "swatch" });
    line.style.borderTop = `3px ${look.dash[1] ? (look.dash[0] > 3 ? "dashed" : "dotted") : "solid"} ${look.color}`;
    return line;
  };
  const named = (row) => {
    const box = el("input", { type: "checkbox", checked: shown.has(row.name), on: { change: () => toggle(row, box) } });
    return el("label", { title: `${row.source}; ${JSON.stringify(row.params)}` }, box, swatch(row), report.visible(row.name));
  };
  return report.table([
    { title: "strategy", left: true, show: named, sort: (row) => row.name },
    { title: "accuracy, %", show: (row) => report.percent(row.accuracy), sort: (row) => row.accuracy },
    { title: "95 % interval", show: (row) => report.interval(row.accuracy_ci), sort: (row) => row.accuracy_ci[0] },
    { title: "samples", show: (row) => report.number(row.samples), sort: (row) => row.samples },
    { title: "tokens", show: (row) => report.number(row.tokens, 0), sort: (row) => row.tokens },
    { title: "saved, %", hint: "tokens saved against the reference; samples where tokens are not counted", show: (row) => report.percent(1 - (versus(row).tokens_ratio ?? versus(row).samples_ratio)), sort: (row) => -(versus(row).tokens_ratio ?? versus(row).samples_ratio) },
    { title: "diff, points", hint: "accuracy minus the reference's, paired by question", show: (row) => report.signed(versus(row).accuracy_diff), sort: (row) => versus(row).accuracy_diff },
    { title: "interval of diff", show: (row) => report.interval(versus(row).accuracy_diff_ci, report.signed), sort: (row) => versus(row).accuracy_diff_ci[0] },
    { title: "verdict", left: true, show: (row) => versus(row).verdict, sort: (row) => versus(row).verdict },
  ], report.strategies(run), { caption: run.live ? "Strategies on the same samples, each as it was played" : "Strategies on the same samples, averaged over random orders", rowClass: (row) => (row.name === run.reference ? "reference" : null) });
}

function budgets(rows) {
  const points = rows.flatMap((row) => row.efficiency.map((point) => ({ ...point, name: row.name })));
  return report.table([
    { title: "strategy", key: "name", left: true },
    { title: "budget", key: "budget" },
    { title: "accuracy, %", show: (row) => report.percent(row.accuracy), sort: (row) => row.accuracy },
    { title: "95 % interval", show: (row) => report.interval(row.accuracy_ci), sort: (row) => row.accuracy_ci[0] },
    { title: "samples", show: (row) => report.number(row.samples), sort: (row) => row.samples },
    { title: "tokens", show: (row) => report.number(row.tokens, 0), sort: (row) => row.tokens },
  ], points);
}

const CAUSES = [["unsolved", "no right sample"], ["not_selected", "right sample not selected"], ["stopped_early", "stopped too early"]];

function regret(run, state) {
  const { el } = report;
  const rows = report.strategies(run);
  const values = rows.flatMap((row) => CAUSES.map(([cause, label], order) => ({ strategy: row.name, cause, label, order, share: row.regret[cause] ?? 0, shown: `${report.percent(row.regret[cause] ?? 0)} % of decisions` })));
  const look = report.isDark() ? ["#8a8f98", "#ff8a4c", "#56b4e9"] : ["#9aa0a8", "#d55e00", "#0072b2"];
  const lead = (strategy, cause) => report.go({ view: "questions", run: state.run, strategy, only: cause });
  const figure = report.chart({
    data: { values }, height: 24 * rows.length,
    mark: { type: "bar", ...(report.views.questions ? { cursor: "pointer" } : {}) },
    encoding: {
      y: { field: "strategy", type: "nominal", sort: null, axis: { title: null, labelLimit: innerWidth < 600 ? 120 : 220, ticks: false, domain: false } },
      x: { field: "share", type: "quantitative", axis: report.axis("share of decisions", ".0%") },
      order: { field: "order" },
      color: { field: "label", type: "nominal", title: null, scale: { domain: CAUSES.map(([, label]) => label), range: look }, legend: { columns: innerWidth < 600 ? 1 : 3 } },
      tooltip: [{ field: "strategy" }, { field: "label", title: "cause" }, { field: "shown", title: "share" }],
    },
  }, {
    label: "Wrong decisions of each strategy by cause; the table below has the values and links.",
    note: `Shares are means over random orders of the samples.${report.views.questions ? " A click leads to the questions that are wrong for that cause in the order drawn." : ""}`,
    click: (datum) => lead(datum.strategy, datum.cause),
    numbers: () => report.table([
      { title: "strategy", left: true, key: "name" },
      ...CAUSES.map(([cause, label]) => ({ title: `${label}, %`, sort: (row) => row.regret[cause], show: (row) => el("a", { href: report.address({ view: "questions", run: state.run, strategy: row.name, only: cause }) }, report.percent(row.regret[cause])) })),
      { title: "gained by stopping, %", sort: (row) => row.regret.gained, show: (row) => el("a", { href: report.address({ view: "questions", run: state.run, strategy: row.name, only: "gained" }) }, report.percent(row.regret.gained)) },
    ], rows),
  });
  return el("section", { id: "regret" }, el("h2", {}, "Why decisions are wrong"), figure);
}
