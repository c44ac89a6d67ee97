"use strict";
// The list of questions, with filters, an order and a search in all texts.

const PAGE = 100;

report.views.questions = function (state) {
  const { el } = report;
  const run = report.store.runs[state.run];
  const places = report.picked(state);
  const at = report.strategyAt(state);
  const list = el("ol", { class: "questions" });
  let upTo = PAGE;
  const more = el("button", { type: "button", on: { click: () => { upTo += PAGE; fill(); } } }, "Show more");
  function fill() {
    list.replaceChildren(...places.slice(0, upTo).map((place) => item(run, state, place, at)));
    more.hidden = places.length <= upTo;
  }
  fill();
  return [controls(run, state), el("p", { class: "note", id: "picked" }, `${report.count(places.length, "question")} of ${run.questions.length}${shownOf(run)}`), list, more];
};

function shownOf(run) {
  const all = run.facts.questions;
  return run.questions.length < all ? `; the file holds ${run.questions.length} of ${all}, drawn at random` : "";
}

function controls(run, state) {
  const { el } = report;
  const change = (name, value) => report.go({ ...report.state(), view: "questions", [name]: value }, { replace: true });
  const choice = (name, title, options, chosen) => el("label", {}, title + " ",
    el("select", { id: name, on: { change: (event) => change(name, event.target.value) } },
      options.map(([value, label]) => el("option", { value, selected: value === chosen }, label))));
  const names = report.strategies(run).map((one) => one.name);
  const known = names.length ? Object.keys(report.filters) : ["all", "unread"];
  const find = el("input", { type: "search", id: "find", placeholder: "Search all texts ( / )", "aria-label": "Search all texts", on: { input: () => { clearTimeout(find.timer); find.timer = setTimeout(() => change("find", find.value), 250); } } });
  find.value = state.find || "";
  return el("div", { class: "controls" },
    names.length ? choice("strategy", "decided by", names.map((name) => [name, report.visible(name)]), names[report.strategyAt(state)]) : null,
    choice("only", "show", known.map((name) => [name, report.filters[name].label]), state.only || "all"),
    choice("order", "order", Object.entries(report.orders).map(([name, one]) => [name, one.label]), state.order || "drawn"), find);
}

function item(run, state, place, at) {
  const { el } = report;
  const question = run.questions[place];
  const decision = question.decisions[at];
  const rights = question.samples.filter((sample) => sample.right).length;
  const graded = question.samples.some((sample) => sample.right !== null);
  return el("li", {}, el("a", { href: report.address({ ...state, view: "question", at: place }), "data-place": place },
    el("span", { class: "what" }, report.visible(start(question.question))),
    el("span", { class: "facts" }, decision ? report.grade(decision.right) : null,
      decision && decision.cause && decision.cause !== "unsolved" ? el("span", { class: "cause" }, report.causeName(decision.cause)) : null,
      graded ? el("span", { title: "right samples" }, `${rights} of ${question.samples.length} right`) : el("span", {}, report.count(question.samples.length, "sample")),
      el("span", { class: "id" }, report.visible(question.id)))));
}

const start = (text) => (text.length > 170 ? text.slice(0, 160).replace(/\s+\S*$/, "") + " …" : text);

report.causeName = (cause) => ({ gained: "right by luck", stopped_early: "stopped too early", not_selected: "not selected", unsolved: "no right sample" })[cause] || "";
