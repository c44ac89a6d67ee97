"use strict";
// Searches over partial samples: each draw below the one that it continues, pruned, forked or ended, and the decision.

const FATES = {
  pruned: ["✂ pruned", "paused, and no draw continued it"], forked: ["⇉ forked", "several draws continue it"], continued: ["↳ continued", "one draw continues it"],
  ended: ["■ ended", "drawn to its end"], unfinished: ["… unfinished", "the strategy decided before it was judged"], failed: ["✗ failed", "the draw failed"],
};

// Return the trees of a question, one section a strategy; nothing where it has none.
report.trees = function (question, run) {
  return (question.trees || []).map((tree, i) => (tree ? treeSection(tree, run.trees[i], i) : null)).filter(Boolean);
};

// Return whether the samples of a run are draws of a tree, which are no votes in order.
report.isTree = (run) => (run.trees || []).some((one) => one.own);

function treeSection(tree, about, at) {
  const { el } = report;
  const traces = [...new Set(tree.nodes.flatMap((node) => Object.keys(node.traces || {})))];
  const titles = { value: "FineCE's value", confidence: "confidence", probability: "probability of each token" };
  const list = el("ul", { class: "tree", role: "tree", "aria-label": `draws of ${about.strategy}`, on: { keydown: walkTree } });
  const fill = () => {
    const shade = choose ? choose.value : "";
    list.replaceChildren(...drawsBelow(tree, null).map((node) => treeItem(tree, node, 1, shade)));
    const first = list.querySelector("[role=treeitem]");
    if (first) first.tabIndex = 0;
  };
  const choose = traces.length ? el("select", { id: `shade-tree-${at}`, on: { change: fill } }, traces.map((name) => el("option", { value: name }, titles[name] || name)), el("option", { value: "" }, "nothing")) : null;
  fill();
  const where = [about.model && `model ${about.model}`, about.scorer && `scorer ${about.scorer}`, about.run === null ? "" : `run ${about.run}`].filter(Boolean).map(report.visible).join(", ");
  return el("section", { class: "search" }, el("h3", {}, `Search of ${report.visible(about.strategy)}`, where ? el("span", { class: "id" }, ` (${where})`) : null),
    el("details", { open: true }, el("summary", {}, treeSummary(tree)), treeDecision(tree),
      choose ? el("div", { class: "controls" }, el("label", {}, "shade tokens by ", choose), shadeKey()) : null, list));
}

const drawsBelow = (tree, parent) => tree.nodes.filter((node) => node.parent === parent);

function treeSummary(tree) {
  const count = (fate) => tree.nodes.filter((node) => node.fate === fate).length;
  const parts = ["ended", "pruned", "forked", "unfinished", "failed"].filter(count).map((fate) => `${count(fate)} ${fate}`);
  return `${report.count(tree.nodes.length, "draw")}: ${parts.join(", ")}`;
}

function treeDecision(tree) {
  const { el } = report;
  const found = tree.decision;
  if (!found) return el("p", { class: "note" }, "The decision is not recorded.");
  return el("div", { class: "facts decided" }, el("strong", {}, "decided"), found.answer === null ? "to abstain" : el("code", { class: "answer" }, report.visible(found.answer)), report.grade(found.right),
    el("span", {}, `after ${report.count(tree.nodes.length, "draw")}, stopped by ${report.visible(found.stopped_by)}`),
    found.vote_share === null ? null : el("span", {}, `share of votes ${report.number(found.vote_share, 3)}`),
    found.p_correct === null ? null : el("span", {}, `P(right) ${report.number(found.p_correct, 3)}`),
    found.tokens === null ? null : el("span", {}, report.count(found.tokens, "token")),
    found.scorer_tokens ? el("span", {}, `${report.count(found.scorer_tokens, "token")} of the scorer`) : null);
}

function treeItem(tree, node, level, shade) {
  const { el } = report;
  const inner = drawsBelow(tree, node.index);
  const [mark, meaning] = FATES[node.fate];
  const label = `#${node.index + 1}`;
  const facts = el("div", { class: "facts" }, inner.length ? el("span", { class: "fold", "aria-hidden": "true" }) : null, el("strong", {}, label),
    el("span", { class: `fate ${node.fate}`, title: meaning }, mark),
    node.value === null ? null : el("span", { class: "value", title: node.fate === "ended" ? "of the whole text" : "where it paused" }, `value ${report.number(node.value, 3)}`),
    node.answer === null ? null : el("code", { class: "answer" }, report.visible(node.answer)), node.right === null ? null : report.grade(node.right),
    node.chosen ? el("span", { class: "chosen", title: "its answer is the decision" }, "★ chosen") : null,
    node.tokens === null ? null : el("span", {}, report.count(node.tokens, "token")),
    node.scorer_tokens ? el("span", {}, `${report.count(node.scorer_tokens, "token")} of the scorer`) : null,
    node.parent === null ? null : el("span", {}, node.given ? `continues ${report.count(node.given, "token")} of #${node.parent + 1}` : `continues #${node.parent + 1}`),
    node.end === "stop" || node.end === "boundary" ? null : el("span", { class: "cause" }, `ended by ${report.visible(node.end)}`));
  const made = el("li", { role: "treeitem", "aria-level": level, "aria-label": [label, mark.slice(2), node.answer === null ? "" : report.visible(node.answer), node.chosen ? "chosen" : ""].filter(Boolean).join(", "),
    "aria-expanded": inner.length ? "true" : null, tabindex: "-1", "data-draw": node.index },
    el("div", { class: "node" }, facts, node.whole ? el("p", { class: "note" }, "the whole text, with that of the draw that it continues") : null,
      shaded(node, (node.traces || {})[shade], shade), node.text_left_out ? leftOut(node.text_left_out) : null, node.error ? el("p", { class: "missing" }, report.visible(node.error)) : null),
    inner.length ? el("ul", { role: "group" }, inner.map((one) => treeItem(tree, one, level + 1, shade))) : null);
  if (inner.length) facts.addEventListener("click", () => { foldItem(made); focusItem(made); });
  return made;
}

function foldItem(one, open = one.getAttribute("aria-expanded") === "false") {
  if (one.hasAttribute("aria-expanded")) one.setAttribute("aria-expanded", String(open));
}

function focusItem(one) {
  one.closest("[role=tree]").querySelectorAll("[role=treeitem][tabindex='0']").forEach((other) => { other.tabIndex = -1; });
  one.tabIndex = 0;
  one.focus();
}

// Keys of a tree: up and down walk over what is unfolded, left and right fold, unfold and change the level.
function walkTree(event) {
  const at = event.target.closest("[role=treeitem]");
  if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...event.currentTarget.querySelectorAll("[role=treeitem]")].filter((one) => !one.parentElement.closest("[aria-expanded=false]"));
  const place = all.indexOf(at);
  const folded = at.getAttribute("aria-expanded");
  const outer = at.parentElement.closest("[role=treeitem]");
  const keys = {
    ArrowDown: () => all[place + 1], ArrowUp: () => all[place - 1], Home: () => all[0], End: () => all.at(-1),
    ArrowRight: () => { if (folded === "false") { foldItem(at, true); return at; } return folded ? all[place + 1] : at; },
    ArrowLeft: () => { if (folded === "true") { foldItem(at, false); return at; } return outer || at; },
    Enter: () => { foldItem(at); return at; }, " ": () => { foldItem(at); return at; },
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  const next = keys[event.key]();
  if (next) focusItem(next);
}
