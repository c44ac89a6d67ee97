"use strict";
// The list of questions, with filters, an order and a search in all texts.

report.views.questions = function (state) {
  const listed = report.data.list(state);
  if (kept === null || kept.listed !== listed) kept = elementsOf(listed, state);
  kept.fill();
  return [controls(report.store.runs[state.run], state), ...kept.elements];
};

let kept = null; // the elements of the list that was shown last

function elementsOf(listed, state) {
  const { el } = report;
  const list = el("ol", { class: "questions" });
  const told = el("p", { class: "note", id: "picked" });
  const more = el("button", { type: "button", on: { click: () => listed.more().then(fill) } }, "Show more");
  const shown = []; // the rows that the list shows, as text
  function fill() {
    listed.rows.forEach((row, i) => {
      const text = JSON.stringify(row);
      if (shown[i] === text) return;
      if (i < shown.length) list.children[i].replaceWith(item(state, row));
      else list.append(item(state, row));
      shown[i] = text;
    });
    while (shown.length > listed.rows.length) {
      list.lastChild.remove();
      shown.pop();
    }
    more.hidden = listed.ended;
    told.textContent = listed.told;
  }
  listed.changed = fill;
  return { listed, elements: [told, list, more], fill };
}

function controls(run, state) {
  const { el } = report;
  const change = (name, value) => report.go({ ...report.state(), view: "questions", [name]: value }, { replace: true });
  const choice = (name, title, options, chosen) => el("label", {}, title + " ",
    el("select", { id: name, on: { change: (event) => change(name, event.target.value) } },
      options.map(([value, label]) => el("option", { value, selected: value === chosen }, label))));
  const names = report.strategies(run).map((one) => one.name);
  const find = el("input", { type: "search", id: "find", placeholder: "Search all texts ( / )", "aria-label": "Search all texts", on: { input: () => { clearTimeout(find.timer); find.timer = setTimeout(() => change("find", find.value), 250); } } });
  find.value = state.find || "";
  return el("div", { class: "controls" },
    names.length ? choice("strategy", "decided by", names.map((name) => [name, report.visible(name)]), names[report.strategyAt(state)]) : null,
    choice("only", "show", report.data.filters(run).map((name) => [name, report.filters[name]]), state.only || "all"),
    choice("order", "order", report.data.orders(run).map((name) => [name, report.orders[name]]), state.order || "drawn"), find);
}

function item(state, row) {
  const { el } = report;
  const decision = row.decision;
  return el("li", {}, el("a", { href: report.address({ ...state, view: "question", at: row.place }), "data-place": row.place },
    el("span", { class: "what" }, report.visible(start(row.question))),
    el("span", { class: "facts" }, decision ? report.grade(decision.right) : null,
      decision && decision.cause && decision.cause !== "unsolved" ? el("span", { class: "cause" }, report.causeName(decision.cause)) : null,
      row.graded ? el("span", { title: "right samples" }, `${row.right} of ${row.samples} right`) : el("span", {}, report.count(row.samples, "sample")),
      el("span", { class: "id" }, report.visible(row.id)))));
}

const start = (text) => (text.length > 170 ? text.slice(0, 160).replace(/\s+\S*$/, "") + " …" : text);

report.causeName = (cause) => ({ gained: "right by luck", stopped_early: "stopped too early", not_selected: "not selected", unsolved: "no right sample" })[cause] || "";
