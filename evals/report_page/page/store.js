"use strict";
// The data of the report, and the state of the page, which its address holds: #view?run=0&strategy=...

report.store = {
  runs: [], // one a pool: the summary, with its questions
  async load() {
    const text = (id) => document.getElementById(id).textContent;
    const summary = JSON.parse(text("summary"));
    const packed = Uint8Array.from(atob(text("questions")), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const questions = JSON.parse(await new Response(stream).text());
    this.summary = summary;
    this.runs = summary.runs.map((run, i) => ({ ...run, questions: questions[i] }));
    document.getElementById("questions").textContent = "";
  },
};

// Return the state that the address holds.
report.state = function () {
  const [view, query] = location.hash.slice(1).split("?");
  const given = Object.fromEntries(new URLSearchParams(query || ""));
  const run = Math.min(Math.max(0, Number.parseInt(given.run || "0", 10) || 0), report.store.runs.length - 1);
  return { ...given, view: report.views[view] ? view : "overview", run };
};

// Return the address of a state; empty values are left out.
report.address = function (state) {
  const { view, ...rest } = state;
  const kept = Object.entries(rest).filter(([name, value]) => value !== "" && value !== null && value !== undefined && !(name === "run" && value === 0));
  const query = new URLSearchParams(kept).toString();
  return `#${view}${query ? "?" + query : ""}`;
};

// Go to a state; "replace" leaves no entry in the history.
report.go = function (state, { replace = false } = {}) {
  const address = report.address(state);
  if (address === location.hash) return;
  if (replace) {
    history.replaceState(null, "", address);
    report.draw();
  } else location.hash = address;
};

// Return the text of a sample.
report.textOf = (sample) => (sample.pieces ? sample.pieces.join("") : sample.text);

// Return the strategies of a run, or none where nothing was compared.
report.strategies = (run) => (run.comparison ? run.comparison.strategies : []);

// The questions that the page can pick out. Each looks at a question and its decision under the chosen strategy.
report.filters = {
  all: { label: "all questions", keep: () => true },
  wrong: { label: "wrong", keep: (q, d) => d && !d.right },
  gained: { label: "right by luck (wrong without stopping)", keep: (q, d) => d && d.cause === "gained" },
  stopped_early: { label: "stopped too early", keep: (q, d) => d && d.cause === "stopped_early" },
  not_selected: { label: "right sample not selected", keep: (q, d) => d && d.cause === "not_selected" },
  unsolved: { label: "no right sample", keep: (q, d) => d && d.cause === "unsolved" },
  disagree: { label: "strategies disagree", keep: (q) => new Set(q.decisions.map((one) => one.answer)).size > 1 },
  unread: { label: "a sample without an answer", keep: (q) => q.samples.some((sample) => sample.answer < 0) },
};

report.orders = {
  drawn: { label: "in order", key: null },
  longest: { label: "longest first", key: (q) => -Math.max(0, ...q.samples.map((sample) => sample.tokens ?? report.textOf(sample).length)) },
  unsure: { label: "least confident first", key: (q, d) => (d && (d.p_correct ?? d.vote_share)) ?? meanConfidence(q) },
};

function meanConfidence(question) {
  const known = question.samples.map((sample) => sample.confidence).filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : 1;
}

// Return the places of the questions that a state picks out, in its order.
report.picked = function (state) {
  const run = report.store.runs[state.run];
  const at = report.strategyAt(state);
  const filter = report.filters[state.only] || report.filters.all;
  const words = (state.find || "").toLowerCase().split(/\s+/).filter(Boolean);
  const key = (report.orders[state.order] || report.orders.drawn).key;
  const found = run.questions.map((_, place) => place).filter((place) => {
    const question = run.questions[place];
    return filter.keep(question, question.decisions[at]) && words.every((word) => searched(question).includes(word));
  });
  if (!key) return found;
  const keys = new Map(found.map((place) => [place, key(run.questions[place], run.questions[place].decisions[at])]));
  return found.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
};

// Return the place of the chosen strategy; the reference where none is chosen.
report.strategyAt = function (state) {
  const run = report.store.runs[state.run];
  const names = report.strategies(run).map((one) => one.name);
  const at = names.indexOf(state.strategy);
  return at >= 0 ? at : Math.max(0, names.indexOf(run.reference));
};

function searched(question) {
  question.searched ??= [question.id, question.question, ...question.gold, ...question.answers,
    ...question.samples.map(report.textOf)].join("\n").toLowerCase();
  return question.searched;
}
