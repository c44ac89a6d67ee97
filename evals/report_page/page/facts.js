"use strict";
// What was run: the file, its runs with their configuration and versions, and samples by end, failure and tokens.

report.views.facts = function (state) {
  const { el } = report;
  const run = report.store.runs[state.run];
  const facts = run.facts;
  const tokens = Object.entries(facts.tokens ?? {}).filter(([name]) => name !== "samples_counted");
  const settings = run.comparison ? { budget: run.comparison.budget, permutations: run.comparison.permutations, seed: run.comparison.seed, calibrate: run.comparison.calibrate, margin: run.comparison.margin, "bootstrap replicates": run.comparison.bootstrap_replicates } : {};
  const skipped = Object.entries(run.skipped);
  return [
    el("h2", {}, "What was run"),
    pairs({ file: facts.path, ...(facts.sha256 ? { sha256: facts.sha256 } : {}), questions: facts.questions, samples: facts.samples, models: facts.models.join(", ") || "–", "scored by": facts.scored_by ?? "–" }),
    tokens.length ? report.table([{ title: "tokens by cause", left: true, key: "cause" }, { title: "tokens", show: (row) => row.tokens.toLocaleString("en"), sort: (row) => row.tokens }],
      tokens.map(([cause, count]) => ({ cause: cause.replaceAll("_", " "), tokens: count }))) : facts.tokens && el("p", { class: "missing" }, "The pool counts no tokens."),
    facts.ends && report.table([{ title: "samples ended by", left: true, key: "end" }, { title: "samples", key: "samples" }], Object.entries(facts.ends).map(([end, samples]) => ({ end, samples }))),
    Object.keys(facts.failures).length ? report.table([{ title: "failed because of", left: true, key: "why" }, { title: "samples", key: "samples" }], Object.entries(facts.failures).map(([why, samples]) => ({ why, samples }))) : null,
    run.comparison ? [el("h3", {}, "The comparison"), pairs(settings)] : null,
    skipped.length ? [el("h3", {}, "Strategies left out"), el("ul", {}, skipped.map(([name, why]) => el("li", {}, el("code", {}, report.visible(name)), ": ", report.visible(why))))] : null,
    facts.runs.map((one) => el("section", {}, el("h3", {}, `Run ${one.run}`),
      pairs({ model: one.model, revision: one.revision || "–", "last used": one.opened, scorers: one.scorers.join(", ") || "–", reading: one.reading || "–", versions: Object.entries(one.versions).map(([name, version]) => `${name} ${version}`).join(", ") }),
      el("h4", {}, "Prompt"), el("div", { class: "text" }, report.visible(one.prompt_template)),
      el("h4", {}, "Sampling"), el("pre", {}, report.visible(JSON.stringify(one.sampling, null, 1))),
      el("details", {}, el("summary", {}, "Configuration"), el("pre", {}, report.visible(JSON.stringify(one.config, null, 1)))))),
    el("p", { class: "note" }, `Made by tts-rerank ${report.visible(report.store.summary.version)} on ${report.visible(report.store.summary.created)}. Charts by Vega and Vega-Lite, whose licence stands at the end of this file.`),
  ];
};

function pairs(values) {
  return report.el("dl", {}, Object.entries(values).flatMap(([name, value]) => [report.el("dt", {}, name), report.el("dd", {}, report.visible(value ?? "–"))]));
}
