"use strict";
// The questions of a report that is one file: packed into the page, picked out and put in order here.

// Each filter looks at a question and its decision under the chosen strategy.
const KEEP = {
  all: () => true,
  wrong: (q, d) => d && !d.right,
  gained: (q, d) => d && d.cause === "gained",
  stopped_early: (q, d) => d && d.cause === "stopped_early",
  not_selected: (q, d) => d && d.cause === "not_selected",
  unsolved: (q, d) => d && d.cause === "unsolved",
  disagree: (q) => new Set(q.decisions.map((one) => one.answer)).size > 1,
  unread: (q) => q.samples.some((sample) => sample.answer < 0),
};

// The value by which each order sorts; null leaves questions as drawn.
const RANK = {
  drawn: null,
  longest: (q) => -Math.max(0, ...q.samples.map((sample) => sample.tokens ?? report.textOf(sample).length)),
  unsure: (q, d) => (d && (d.p_correct ?? d.vote_share)) ?? meanConfidence(q),
};

function meanConfidence(question) {
  const known = question.samples.map((sample) => sample.confidence).filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : 1;
}

let lastList = null; // the list that was asked for last

report.data = {
  // Read the runs and their questions.
  async load() {
    const text = (id) => document.getElementById(id).textContent;
    const summary = JSON.parse(text("summary"));
    const packed = Uint8Array.from(atob(text("questions")), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const questions = JSON.parse(await new Response(stream).text());
    report.store.summary = summary;
    report.store.runs = summary.runs.map((run, i) => ({ ...run, questions: questions[i] }));
    document.getElementById("questions").textContent = "";
  },

  // Make ready what a state shows, and return true if it can be shown.
  prepare: async () => true,

  // Return the filters and the orders that a run has.
  filters: (run) => (report.strategies(run).length ? Object.keys(report.filters) : ["all", "unread"]),
  orders: () => Object.keys(report.orders),

  // Return the list of a state: rows that are shown, a sentence on their number, whether there are more, and "more",
  // which shows them.
  list(state) {
    const key = JSON.stringify([state.run, state.strategy, state.only, state.order, state.find]);
    if (lastList === null || lastList.key !== key) lastList = { key, list: this.made(state) };
    return lastList.list;
  },

  made(state) {
    const run = report.store.runs[state.run];
    const places = picked(state);
    const at = report.strategyAt(state);
    const all = run.facts.questions;
    const part = run.questions.length < all ? `; the file holds ${run.questions.length} of ${all}, drawn at random` : "";
    const list = { rows: [], ended: false, told: `${report.count(places.length, "question")} of ${run.questions.length}${part}` };
    list.more = async () => {
      const next = places.slice(list.rows.length, list.rows.length + report.ROWS);
      list.rows.push(...next.map((place) => row(run.questions[place], place, at)));
      list.ended = list.rows.length >= places.length;
    };
    list.more();
    return list;
  },

  // Return the question that a state names, with its rank and its neighbours among those picked out.
  question(state) {
    const run = report.store.runs[state.run];
    const places = picked(state);
    const place = Math.min(report.placeOf(state), run.questions.length - 1);
    const rank = places.indexOf(place);
    const beside = (by) => (rank < 0 ? (by > 0 ? places.find((one) => one > place) : places.findLast((one) => one < place)) : places[rank + by]) ?? null;
    return { question: run.questions[place], rank: rank < 0 ? null : rank, total: places.length, previous: beside(-1), next: beside(1) };
  },
};

// Return the row of a question in a list.
function row(question, place, at) {
  const decision = question.decisions[at];
  return { place, id: question.id, question: question.question, samples: question.samples.length,
    graded: question.samples.some((sample) => sample.right !== null), right: question.samples.filter((sample) => sample.right).length,
    decision: decision ? { right: decision.right, cause: decision.cause } : null };
}

// Return the places of the questions that a state picks out, in its order.
function picked(state) {
  const run = report.store.runs[state.run];
  const at = report.strategyAt(state);
  const keep = KEEP[state.only] || KEEP.all;
  const words = (state.find || "").toLowerCase().split(/\s+/).filter(Boolean);
  const key = RANK[state.order] || null;
  const found = run.questions.map((_, place) => place).filter((place) => {
    const question = run.questions[place];
    return keep(question, question.decisions[at]) && words.every((word) => searched(question).includes(word));
  });
  if (!key) return found;
  const keys = new Map(found.map((place) => [place, key(run.questions[place], run.questions[place].decisions[at])]));
  return found.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
}

function searched(question) {
  question.searched ??= [question.id, question.question, ...question.gold, ...question.answers,
    ...question.samples.map(report.textOf), ...(question.trees || []).flatMap((tree) => (tree ? tree.nodes.map(report.textOf) : []))].join("\n").toLowerCase();
  return question.searched;
}
