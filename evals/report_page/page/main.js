"use strict";
// Drawing of the view that the address names, navigation, keys, and the choice of light or dark.

const TITLES = { overview: "Overview", questions: "Questions", pairs: "Two runs", facts: "What was run" };

let drawn = 0; // draws so far: one that is overtaken by another stops
let shown = null; // the state that the page shows
const scrolled = new Map(); // by address of a list: how far down it was left

report.draw = async function () {
  const { el } = report;
  const state = report.state();
  const mine = ++drawn;
  const ready = await report.data.prepare(state);
  if (!ready || mine !== drawn) return;
  const run = report.store.runs[state.run];
  report.pending = [];
  const focused = document.activeElement && document.activeElement.id;
  const select = el("select", { "aria-label": "run", on: { change: (event) => report.go({ view: state.view === "question" ? "questions" : state.view, run: Number(event.target.value) }) } },
    report.store.runs.map((one, i) => el("option", { value: String(i), selected: i === state.run }, report.visible(one.name))));
  const views = Object.keys(TITLES).filter((view) => report.views[view] && (view !== "pairs" || (report.store.runs.length > 1 && report.store.summary.pairs)));
  const current = state.view === "question" ? "questions" : state.view;
  document.title = `${run.name}: ${TITLES[current]}`;
  document.querySelector("header").replaceChildren(
    report.store.runs.length > 1 ? select : el("strong", { class: "name" }, report.visible(run.name)),
    el("nav", { "aria-label": "views" }, views.map((view) => el("a", { href: report.address({ view, run: state.run }), "aria-current": view === current ? "page" : null }, TITLES[view]))),
    el("span", { class: "tools" }, el("button", { type: "button", id: "theme", title: "light or dark", on: { click: report.theme } }, report.isDark() ? "Light" : "Dark"),
      el("button", { type: "button", title: "keys", on: { click: help } }, "?")));
  const content = report.views[state.view](state);
  const main = document.querySelector("main");
  const before = shown;
  shown = { ...state, address: report.address(state) };
  const place = before === null ? () => {} : before.address === shown.address ? stayAt(main) : () => goTo(before);
  main.replaceChildren(...content.flat(2).filter(Boolean));
  report.forgetUnshaded();
  place();
  const again = focused && document.getElementById(focused);
  if (again && main.contains(again)) {
    again.focus();
    if (again.type === "search") again.setSelectionRange(again.value.length, again.value.length);
  }
  await report.drawCharts();
};

// Return a function that scrolls to where the reader is now, once the same view has been drawn anew.
function stayAt(main) {
  const rows = () => [...main.querySelectorAll(".questions > li, .samples > li")];
  const at = rows().findIndex((row) => row.getBoundingClientRect().bottom > 0);
  if (at < 0 || !scrollY) return () => {};
  const top = rows()[at].getBoundingClientRect().top;
  return () => {
    const row = rows()[at];
    if (row) scrollBy(0, row.getBoundingClientRect().top - top);
  };
}

// Scroll to the top of another view; a list to where it was left, with the question that was open chosen.
function goTo(before) {
  scrollTo(0, shown.view === "questions" ? scrolled.get(shown.address) ?? 0 : 0);
  if (shown.view !== "questions" || before.view !== "question" || before.run !== shown.run) return;
  const link = document.querySelector(`.questions a[data-place="${report.placeOf(before)}"]`);
  if (!link) return;
  link.focus({ preventScroll: true });
  link.scrollIntoView({ block: "nearest" });
}

report.theme = function () {
  document.documentElement.dataset.theme = report.isDark() ? "light" : "dark";
  report.draw();
};

function help() {
  const { el } = report;
  const keys = [["j", "next question"], ["k", "previous question"], ["Enter", "open the question that is chosen in the list"], ["/", "search all texts"], ["g", "overview"], ["l", "list of questions"], ["?", "these keys"], ["Esc", "close, or leave the search"]];
  report.dialog("Keys", el("dl", {}, keys.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])));
}

function step(by) {
  const state = report.state();
  if (state.view === "question") {
    const { previous, next } = report.data.question(state);
    const place = by > 0 ? next : previous;
    if (place !== null) report.go({ ...state, at: place });
    return;
  }
  if (state.view !== "questions") {
    report.go({ view: "questions", run: state.run });
    return;
  }
  const links = [...document.querySelectorAll(".questions a")];
  const at = links.indexOf(document.activeElement);
  const chosen = links[Math.min(Math.max(0, at + by), links.length - 1)];
  if (chosen) chosen.focus();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches && event.target.matches("input, textarea, select");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const run = report.state().run;
  const keys = {
    j: () => step(1), k: () => step(-1), "?": help, g: () => report.go({ view: "overview", run }), l: () => report.go({ view: "questions", run }),
    "/": async () => {
      if (report.state().view !== "questions") {
        history.pushState(null, "", report.address({ ...report.state(), view: "questions", at: "" }));
        await report.draw();
      }
      document.getElementById("find").focus();
    },
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

history.scrollRestoration = "manual"; // a view is scrolled once it is drawn
addEventListener("pagehide", () => { history.scrollRestoration = "auto"; });
addEventListener("hashchange", () => {
  if (shown && shown.view === "questions") scrolled.set(shown.address, scrollY);
  report.draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => report.draw());
report.data.load().then(report.draw).then(() => setTimeout(report.loadLibrary));
