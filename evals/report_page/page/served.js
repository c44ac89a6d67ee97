"use strict";
// The questions of a view: asked of the server in parts, and asked anew while a run is under way.

const LOOK_MS = 2000;

report.first = "questions";
// Load the library of the charts, once one is to be drawn or the first list is there.
let library = null;
report.loadLibrary = () => (library ??= new Promise((ended) => {
  const { nonce, dataset } = document.getElementById("library");
  const script = report.el("script", { src: dataset.src });
  script.nonce = nonce;
  for (const end of ["load", "error"]) script.addEventListener(end, ended);
  document.head.append(script);
}));

// Return the answer of the server.
async function ask(what, query = {}) {
  const answer = await fetch(`api/${what}?${new URLSearchParams(query)}`, { cache: "no-store" });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// Do what asks the server; where it fails, show why and return false.
async function tried(work) {
  try {
    await work();
    return true;
  } catch (error) {
    const gone = error instanceof TypeError; // no answer at all
    document.getElementById("status").textContent = gone ? "The server has ended: start tts view again." : error.message;
    return false;
  }
}

const queryOf = (state) => ({ run: state.run, strategy: state.strategy || "", only: state.only || "all", order: state.order || "drawn", find: state.find || "" });

let list = null; // the list that was asked for last
let opened = null; // the question that was opened last

report.data = {
  async load() {
    history.replaceState(null, "", location.pathname + location.hash); // the token is in a cookie now
    await tried(async () => take(await ask("summary")));
    tell();
    setTimeout(look, LOOK_MS);
  },

  async prepare(state) {
    if (!report.store.runs.length) return false;
    tell();
    return tried(async () => {
      const query = queryOf(state);
      const key = JSON.stringify(query);
      if (state.view === "questions" && (list === null || list.key !== key)) {
        const made = newList(key, query);
        await made.part();
        list = made;
        made.rest();
      }
      if (state.view === "question") {
        if (opened === null || opened.key !== key || opened.at !== report.placeOf(state)) opened = await open(query, key, report.placeOf(state));
      }
    });
  },

  // Filters and orders are there once the server has their figures.
  filters(run) {
    if (report.strategies(run).length) return Object.keys(report.filters);
    return run.counted ? ["all", "unread"] : ["all"];
  },
  orders: (run) => (run.counted ? Object.keys(report.orders) : ["drawn"]),

  list: () => list,
  question: () => opened.value,
};

async function open(query, key, at) {
  return { key, at, value: await ask("question", { ...query, at }) };
}

// Keep a summary.
function take(summary) {
  report.store.summary = summary;
  report.store.runs = summary.runs;
}

// Return an empty list. "part" asks for a part of it, "rest" goes on until the rows that are wanted are there, "again"
// asks anew for those that it shows. The last two wait for each other.
function newList(key, query) {
  const made = { key, query, rows: [], next: 0, told: "", ended: false, wanted: report.ROWS, changed: () => {}, turn: Promise.resolve() };
  const inTurn = (work) => { made.turn = made.turn.then(() => tried(work)); return made.turn; };
  made.part = async () => {
    const found = await ask("questions", { ...query, from: made.next, count: made.wanted - made.rows.length });
    made.rows.push(...found.rows);
    made.next = found.next;
    made.ended = found.next === null;
    made.told = toldOf(made, found);
  };
  made.rest = () => inTurn(async () => {
    while (!made.ended && made.rows.length < made.wanted) {
      await made.part();
      if (made === list) made.changed();
      else return;
    }
  });
  made.again = () => {
    if (query.find.trim()) return made.turn; // a search is not repeated
    inTurn(async () => {
      const now = newList(key, query);
      now.wanted = Math.max(report.ROWS, made.rows.length);
      await now.part();
      const { rows, next, told, ended } = now;
      Object.assign(made, { rows, next, told, ended });
      if (made === list) made.changed();
    });
    return made.rest();
  };
  made.more = () => {
    made.wanted += report.ROWS;
    return made.rest();
  };
  return made;
}

function toldOf(made, found) {
  if (!made.query.find.trim()) return `${report.count(found.total, "question")} of ${found.of.toLocaleString("en")}`;
  const searched = made.ended ? "" : `; ${made.next.toLocaleString("en")} of ${found.total.toLocaleString("en")} searched`;
  return `${report.count(made.rows.length, "question")} found${searched}`;
}

// Show what is under way, and what is computed.
function tell() {
  if (!report.store.runs.length) return;
  const state = report.store.runs[report.state().run].state;
  const parts = [
    state.under_way === null ? "" : `Running: ${state.questions.toLocaleString("en")} of ${report.count(state.under_way, "question")}.`,
    state.doing ? `Numbers are being computed: ${state.doing}.` : "",
    state.failed ? `Numbers cannot be computed: ${state.failed}.` : "",
  ];
  document.getElementById("status").textContent = parts.filter(Boolean).join(" ");
}

// Ask for what has changed, and show it.
async function look() {
  if (!document.hidden) await tried(async () => {
    const shown = report.state();
    const before = report.store.runs.map((run) => run.state);
    const now = (await ask("state")).runs;
    const computed = now.some((state, i) => state.stamp !== before[i].stamp);
    if (computed) take(await ask("summary"));
    else now.forEach((state, i) => { report.store.runs[i].state = state; });
    tell();
    const grown = now[shown.run].version !== before[shown.run].version;
    if (computed || grown) await show(shown, computed);
  });
  setTimeout(look, LOOK_MS);
}

async function show(shown, computed) {
  const typing = document.activeElement && document.activeElement.id === "find";
  if (shown.view === "questions" && list) {
    await list.again();
    if (computed && !typing) await report.draw();
  } else if (shown.view === "question" && opened) {
    const made = await open(queryOf(shown), opened.key, opened.at);
    if (JSON.stringify(made.value) === JSON.stringify(opened.value)) return;
    opened = made;
    await report.draw();
  } else if (computed || shown.view === "facts") await report.draw();
}
