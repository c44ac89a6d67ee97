"use strict";
// The runs of the report, and the state of the page, which its address holds: #view?run=0&strategy=... Questions come
// from report.data, which reads them out of the page itself (inline.js).

report.store = { runs: [] }; // one a pool: the summary
report.first = "overview"; // the view of an address that names none
report.ROWS = 100; // questions of a list that are shown at once

// Return the state that the address holds.
report.state = function () {
  const [view, query] = location.hash.slice(1).split("?");
  const given = Object.fromEntries(new URLSearchParams(query || ""));
  const run = Math.min(Math.max(0, Number.parseInt(given.run || "0", 10) || 0), report.store.runs.length - 1);
  return { ...given, view: report.views[view] ? view : report.first, run };
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

// Return the place of the question that a state names.
report.placeOf = (state) => Math.max(0, Number.parseInt(state.at || "0", 10) || 0);

// Return the text of a sample.
report.textOf = (sample) => (sample.pieces ? sample.pieces.join("") : sample.text);

// Return the strategies of a run, or none where nothing was compared.
report.strategies = (run) => (run.comparison ? run.comparison.strategies : []);

// Return the place of the chosen strategy; the reference where none is chosen.
report.strategyAt = function (state) {
  const run = report.store.runs[state.run];
  const names = report.strategies(run).map((one) => one.name);
  const at = names.indexOf(state.strategy);
  return at >= 0 ? at : Math.max(0, names.indexOf(run.reference));
};

// The questions that the page can pick out; names and titles.
report.filters = {
  all: "all questions", wrong: "wrong", gained: "right by luck (wrong without stopping)", stopped_early: "stopped too early",
  not_selected: "right sample not selected", unsolved: "no right sample", disagree: "strategies disagree", unread: "a sample without an answer",
};
report.orders = { drawn: "in order", longest: "longest first", unsure: "least confident first" };
