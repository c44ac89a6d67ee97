"use strict";
// The page of a question: its samples in the order drawn, the vote as it grew, and where each strategy stopped.

report.views.question = function (state) {
  const { el } = report;
  const run = report.store.runs[state.run];
  const { question, rank, total, previous, next } = report.data.question(state);
  const names = report.strategies(run).map((one) => one.name);
  const step = (place, rel, label, key) => (place === null ? el("span", { class: "off" }, label)
    : el("a", { href: report.address({ ...state, at: place }), rel, title: `key ${key}` }, label));
  return [
    el("nav", { class: "steps", "aria-label": "questions" }, el("a", { href: report.address({ ...state, view: "questions", at: "" }) }, "all questions"),
      step(previous, "prev", "← previous", "k"), step(next, "next", "next →", "j"), el("span", { class: "note" }, rank === null ? "" : `${rank + 1} of ${total}`)),
    el("h2", {}, "Question ", el("span", { class: "id" }, report.visible(question.id))),
    el("blockquote", { class: "text", dir: "auto" }, report.visible(question.question)),
    question.question_left_out ? leftOut(question.question_left_out) : null,
    el("p", {}, el("strong", {}, "Gold: "), question.gold.length ? question.gold.map((gold, i) => [i ? ", " : "", el("code", {}, report.visible(gold))]) : "not known"),
    names.length ? decisions(question, names) : null,
    report.isTree(run) ? null : growth(question, names),
    report.trees(question, run),
    report.isTree(run) ? null : samples(question, names),
  ];
};

const leftOut = (characters) => report.el("p", { class: "missing" }, `${report.count(characters, "more character")} left out here.`);

function answerName(question, label) {
  return label < 0 ? "no answer" : report.visible(question.answers[label]);
}

function decisions(question, names) {
  const { el } = report;
  const rows = question.decisions.map((decision, i) => ({ ...decision, name: names[i] }));
  return el("section", { id: "decisions" }, el("h3", {}, "Decisions, in the order drawn"), report.table([
    { title: "strategy", left: true, key: "name" },
    { title: "answer", left: true, show: (row) => (row.answer === null ? "abstained" : el("code", {}, report.visible(row.answer))), sort: (row) => row.answer ?? "" },
    { title: "grade", left: true, show: (row) => report.grade(row.right), sort: (row) => Number(row.right) },
    { title: "samples", key: "used" },
    { title: "stopped by", left: true, key: "stopped_by" },
    { title: "tokens", show: (row) => report.number(row.tokens, 0), sort: (row) => row.tokens },
    { title: "P(right)", hint: "the strategy's own estimate", show: (row) => report.number(row.p_correct, 3), sort: (row) => row.p_correct },
    { title: "share of votes", show: (row) => report.number(row.vote_share, 3), sort: (row) => row.vote_share },
    { title: "cause", left: true, show: (row) => report.causeName(row.cause), sort: (row) => row.cause ?? "" },
  ], rows));
}

// Return {draws: names of the strategies that stopped after them}, in ascending order.
function stops(question, names) {
  const found = new Map();
  question.decisions.forEach((one, i) => found.set(one.used, [...(found.get(one.used) || []), names[i]]));
  return new Map([...found].sort((a, b) => a[0] - b[0]));
}

// Return rows {draw, answer, share} of the votes of each answer after every draw; unread samples have no vote.
report.shares = function (question) {
  const counts = question.answers.map(() => 0);
  let votes = 0;
  return question.samples.flatMap((sample, i) => {
    if (sample.answer >= 0) { counts[sample.answer] += 1; votes += 1; }
    return counts.flatMap((count, label) => (count ? [{ draw: i + 1, label, share: count / votes }] : []));
  });
};

function growth(question, names) {
  const { el } = report;
  const posterior = question.posteriors && question.posteriors.flatMap((shares, i) => shares.map((share, label) => ({ draw: i + 1, label, share })));
  const kinds = { votes: ["share of the votes", report.shares(question)], ...(posterior ? { posterior: ["posterior by the confidences", posterior] } : {}) };
  let kind = "votes";
  const spec = () => growthSpec(question, names, kinds[kind][1], kinds[kind][0]);
  const stopped = stops(question, names);
  const figure = report.chart(spec(), {
    label: `The vote after each of ${question.samples.length} draws. ${[...stopped].map(([draw, who]) => `After ${draw}: ${report.list(who)}`).join(". ")}.`,
    note: "A dot: the answer of this draw. Vertical lines: a strategy stopped after this draw.",
    numbers: () => report.table([{ title: "draw", key: "draw" }, { title: "answer", left: true, show: (row) => answerName(question, row.label), sort: (row) => row.label },
      { title: "share", show: (row) => report.number(row.share, 4), sort: (row) => row.share }], kinds[kind][1]),
  });
  const choose = Object.keys(kinds).length > 1 ? el("select", { id: "kind", on: { change: () => { kind = choose.value; figure.redraw(spec()); } } },
    Object.entries(kinds).map(([value, [label]]) => el("option", { value }, label))) : null;
  return el("section", { id: "growth" }, el("h3", {}, "The vote as it grew"), choose ? el("div", { class: "controls" }, el("label", {}, "show ", choose)) : null, figure,
    names.length ? el("ul", { class: "stops" }, [...stopped].map(([draw, who]) => el("li", {}, `after ${report.count(draw, "draw")}: ${who.map(report.visible).join(", ")}`))) : null);
}

const MOST_TOLD = 8; // answers after a draw that the box beside the pointer lists

function growthSpec(question, names, rows, title) {
  const right = (label) => question.samples.some((sample) => sample.answer === label && sample.right);
  const titles = question.answers.map((_, label) => `${answerName(question, label).slice(0, 40)}${right(label) ? " ✓" : ""}${label > 6 ? ` (${label + 1})` : ""}`);
  const looks = titles.map((_, label) => report.look(label));
  const values = rows.map((row) => ({ ...row, answer: titles[row.label], shown: report.number(row.share, 3) }));
  const n = question.samples.length;
  const stopped = stops(question, names);
  let before = 0;
  const marks = [...stopped].map(([draw, who]) => {
    const room = (Math.min(innerWidth, 1150) / n) * (draw - before) - 12;
    before = draw;
    const short = [who.join(", "), `${who.length} stopped`].find((text) => 6.3 * text.length < room) || String(who.length);
    return { draw, short };
  });
  const draws = question.samples.map((sample, i) => {
    const here = values.filter((row) => row.draw === i + 1).sort((a, b) => b.share - a.share);
    const own = here.find((row) => row.label === sample.answer);
    const told = [["after draw", i + 1], ["stopped", (stopped.get(i + 1) || []).join(", ")], ...here.slice(0, MOST_TOLD).map((row) => [row.answer, row.shown]),
      ["further answers", here.length > MOST_TOLD ? here.length - MOST_TOLD : ""]];
    return { draw: i + 1, told, answer: own ? own.answer : null, share: own ? own.share : null };
  });
  const x = { field: "draw", type: "quantitative", scale: { domain: [0.5, n + 0.5], nice: false }, axis: { title: "draws", grid: true, format: "d", ...(n <= 16 && innerWidth >= 600 ? { values: question.samples.map((_, i) => i + 1) } : { tickMinStep: 1, tickCount: 6 }) } };
  const color = { field: "answer", type: "nominal", title: null, scale: { domain: titles, range: looks.map((look) => look.color) }, legend: { columns: innerWidth < 600 ? 3 : 8 } };
  const dash = { field: "answer", type: "nominal", title: null, scale: { domain: titles, range: looks.map((look) => look.dash) } };
  const y = { field: "share", type: "quantitative", scale: { domain: [0, 1.08] }, axis: { ...report.axis(title, ".0%"), values: [0, 0.25, 0.5, 0.75, 1] } };
  return {
    height: 260, config: { aria: false },
    layer: [
      { data: { values: marks }, mark: { type: "rule", strokeDash: [3, 3], strokeWidth: 1.5 }, encoding: { x } },
      { data: { values: marks }, mark: { type: "text", align: "right", dx: -4, baseline: "top", fontSize: 11 }, encoding: { x, y: { value: 0 }, text: { field: "short" } } },
      { data: { values }, mark: { type: "line", strokeWidth: 2 }, encoding: { x, y, color, strokeDash: dash } },
      { data: { values: draws.filter((row) => row.answer !== null) }, mark: { type: "point", filled: true, size: 45, opacity: 1 }, encoding: { x, y, color } },
      { data: { values: draws }, mark: { type: "rule", opacity: 0, strokeWidth: Math.max(4, Math.min(innerWidth, 1150) / n), tooltip: { expr: "datum.told" } }, encoding: { x } },
    ],
  };
}

function samples(question, names) {
  const { el } = report;
  const traces = [...new Set(question.samples.flatMap((sample) => Object.keys(sample.traces || {})))];
  const list = el("ol", { class: "samples" });
  const stopped = stops(question, names);
  const titles = { confidence: "confidence", value: "FineCE's value", probability: "probability of each token" };
  const chosen = () => (choose ? choose.value : "");
  const choose = traces.length ? el("select", { id: "shade", on: { change: fill } }, traces.map((name) => el("option", { value: name }, titles[name])), el("option", { value: "" }, "nothing")) : null;
  function fill() {
    list.replaceChildren(...question.samples.flatMap((sample, i) => {
      const who = stopped.get(i + 1);
      return [sampleItem(question, sample, i, chosen()), who ? el("li", { class: "stop" }, el("span", {}, `${who.map(report.visible).join(", ")} stopped here`)) : null].filter(Boolean);
    }));
  }
  fill();
  return el("section", { id: "samples" }, el("h3", {}, "Samples, in the order drawn"),
    choose ? el("div", { class: "controls" }, el("label", {}, "shade tokens by ", choose), shadeKey()) : null, list);
}

function sampleItem(question, sample, i, shade) {
  const { el } = report;
  const trace = (sample.traces || {})[shade];
  const facts = [
    el("strong", {}, `#${i + 1}`), el("code", { class: "answer" }, answerName(question, sample.answer)), report.grade(sample.right),
    sample.confidence === null ? null : el("span", {}, `confidence ${report.number(sample.confidence, 3)}`),
    sample.tokens === null ? null : el("span", {}, report.count(sample.tokens, "token")),
    sample.end === "stop" ? null : el("span", { class: "cause" }, `ended by ${report.visible(sample.end)}`),
  ];
  return el("li", {}, el("div", { class: "facts" }, facts),
    sample.reasoning ? el("details", {}, el("summary", {}, "reasoning"), el("div", { class: "text", dir: "auto" }, report.visible(sample.reasoning))) : null,
    shaded(sample, trace, shade),
    sample.text_left_out ? leftOut(sample.text_left_out) : null,
    (sample.calls || []).map((call) => el("div", { class: "text" }, "calls ", el("code", {}, report.visible(call)))),
    sample.error ? el("p", { class: "missing" }, report.visible(sample.error)) : null);
}
