"use strict";
// Two runs side by side, paired by question: what changed.

report.views.pairs = function (state) {
  const { el } = report;
  const all = report.store.summary.pairs;
  if (!all.length) return [el("h2", {}, "Two runs"), el("p", { class: "missing" }, "No two runs of this report share a question.")];
  const at = Math.min(Math.max(0, Number.parseInt(state.pair || "0", 10) || 0), all.length - 1);
  const pair = all[at];
  const [first, second] = [report.store.runs[pair.first], report.store.runs[pair.second]];
  const title = (one) => `${report.store.runs[one.first].name} → ${report.store.runs[one.second].name}`;
  const names = pair.strategies.map((row) => row.name);
  const name = names.includes(state.strategy) ? state.strategy : names.includes(first.reference) ? first.reference : names[0];
  const choose = (id, label, options, chosen) => el("label", {}, label + " ", el("select", { id, on: { change: (event) => report.go({ ...report.state(), [id]: event.target.value }, { replace: true }) } },
    options.map(([value, text]) => el("option", { value, selected: value === chosen }, report.visible(text)))));
  const controls = el("div", { class: "controls" },
    all.length > 1 ? choose("pair", "runs", all.map((one, i) => [String(i), title(one)]), String(at)) : el("strong", {}, report.visible(title(pair))),
    names.length ? choose("strategy", "decided by", names.map((one) => [one, one]), name) : null);
  if (!names.length) return [el("h2", {}, "Two runs"), controls, el("p", { class: "missing" }, "The two runs have no strategy in common, or cannot be compared.")];
  return [el("h2", {}, "Two runs"), controls, counts(pair), changes(pair, first, second, name)];
};

function counts(pair) {
  return report.table([
    { title: "strategy", left: true, key: "name" },
    { title: "both right", key: "both" }, { title: "first only", key: "first_only" }, { title: "second only", key: "second_only" }, { title: "both wrong", key: "neither" },
    { title: "change, points", show: (row) => report.signed(row.difference), sort: (row) => row.difference },
    { title: "95 % interval", show: (row) => report.interval(row.difference_ci, report.signed), sort: (row) => row.difference_ci[0] },
    { title: "p (McNemar)", show: (row) => report.number(row.p_value, 3), sort: (row) => row.p_value },
  ], pair.strategies, { caption: `${report.count(pair.matches.length, "question")} of both runs, decided in the order drawn` });
}

function changes(pair, first, second, name) {
  const { el } = report;
  const place = (run) => report.strategies(run).findIndex((one) => one.name === name);
  const [mine, its] = [place(first), place(second)];
  const rows = pair.matches.map(([a, b]) => ({ a, b, before: first.questions[a].decisions[mine], after: second.questions[b].decisions[its], question: first.questions[a] }))
    .filter((row) => row.before.right !== row.after.right);
  const link = (run, at, decision) => el("a", { href: report.address({ view: "question", run, strategy: name, at }) }, decision.answer === null ? "abstained" : report.visible(decision.answer), " ", report.grade(decision.right));
  return el("section", { id: "changes" }, el("h3", {}, "What changed"), rows.length ? report.table([
    { title: "question", left: true, show: (row) => report.visible(row.question.question.slice(0, 90)), sort: (row) => row.question.question },
    { title: "first", left: true, show: (row) => link(pair.first, row.a, row.before), sort: (row) => Number(row.before.right) },
    { title: "second", left: true, show: (row) => link(pair.second, row.b, row.after), sort: (row) => Number(row.after.right) },
  ], rows) : el("p", { class: "note" }, "No question is right in one run and wrong in the other."));
}
