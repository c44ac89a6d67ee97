"use strict";
// Elements, texts and numbers. Every text reaches the page through textContent, so that none of it is markup.

const report = {};

// Return an element. Attributes: "class", "on" with functions by event, and others as they are; false and null leave
// one out. Children: elements, texts, arrays of them; null and false are left out.
report.el = function (tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") Object.entries(value).forEach(([event, run]) => made.addEventListener(event, run));
    else if (name === "value" || name === "checked" || name === "selected") made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(2).filter((child) => child !== null && child !== false && child !== undefined));
  return made;
};

const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
const C1 = /[\u0080-\u009f\u2028\u2029\ufeff]/g;

// Return a model's text with control characters and marks of direction shown instead of obeyed.
report.visible = function (text) {
  const code = (mark) => "\u27e8U+" + mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "\u27e9";
  return String(text)
    .replace(/\r\n/g, "\n")
    .replace(CONTROL, (mark) => (mark === "\u007f" ? "\u2421" : String.fromCodePoint(0x2400 + mark.codePointAt(0))))
    .replace(BIDI, code)
    .replace(C1, code);
};

report.number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));
report.percent = (share, digits = 1) => (share === null || share === undefined ? "–" : (100 * share).toFixed(digits));
report.signed = (share) => (share === null || share === undefined ? "–" : (share < 0 ? "−" : "+") + (100 * Math.abs(share)).toFixed(1));
report.interval = (ends, show = report.percent) => (ends ? `[${show(ends[0])}, ${show(ends[1])}]` : "");
report.count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
report.list = (words) => words.join(", ");

// Return a table that sorts by its columns. Columns: {title, key, show, sort, left, hint}; "show" returns a text or an
// element of a row, "sort" its value for sorting; by default both read row[key].
report.table = function (columns, rows, { caption, copy = true, rowClass } = {}) {
  const { el } = report;
  const value = (column, row) => (column.sort ? column.sort(row) : row[column.key]);
  const shown = (column, row) => (column.show ? column.show(row) : report.visible(row[column.key] ?? "–"));
  let order = { column: null, down: false };
  const body = el("tbody");
  const heads = columns.map((column) =>
    el("th", { scope: "col", class: column.left ? "left" : null, title: column.hint || null },
      column.title === "" ? "" : el("button", { type: "button", class: "sort", on: { click: () => sortBy(column) } }, column.title)));
  function fill() {
    body.replaceChildren(...rows.map((row) => el("tr", { class: rowClass ? rowClass(row) : null },
      columns.map((column) => el("td", { class: column.left ? "left" : null }, shown(column, row))))));
    heads.forEach((head, i) => {
      if (columns[i] === order.column) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }
  function sortBy(column) {
    order = { column, down: order.column === column ? !order.down : false };
    const rank = (x) => (x === null || x === undefined ? (order.down ? -Infinity : Infinity) : x);
    const compare = (a, b) => (typeof a === "string" && typeof b === "string" ? a.localeCompare(b) : rank(a) - rank(b));
    rows = [...rows].sort((a, b) => (order.down ? -1 : 1) * compare(value(column, a), value(column, b)));
    fill();
  }
  fill();
  const table = el("table", {}, el("thead", {}, el("tr", {}, heads)), body);
  const button = copy ? el("button", { type: "button", class: "copy", on: { click: () => report.copy(markdown(), button) } }, "Copy as Markdown") : null;
  function markdown() {
    const named = columns.filter((column) => column.title !== "");
    const cell = (content) => (content instanceof Node ? content.textContent : String(content)).replace(/\|/g, "\\|").replace(/\s+/g, " ");
    const line = (cells) => `| ${cells.join(" | ")} |`;
    return [line(named.map((column) => column.title)), line(named.map((column) => (column.left ? "---" : "---:"))),
      ...rows.map((row) => line(named.map((column) => cell(shown(column, row)))))].join("\n") + "\n";
  }
  return el("div", { class: "tabled" }, caption ? el("p", { class: "caption" }, caption) : null, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption || "table" }, table), button);
};

// Copy a text to the clipboard; where the browser refuses, show it selected in a dialog.
report.copy = async function (text, button) {
  try {
    await navigator.clipboard.writeText(text);
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  } catch {
    const area = report.el("textarea", { rows: 12, cols: 60, readonly: true, "aria-label": "text to copy" });
    area.value = text;
    report.dialog("Copy this text", area);
    area.select();
  }
};

// Show a dialog that Escape and its button close.
report.dialog = function (title, ...content) {
  const { el } = report;
  const box = el("dialog", { "aria-label": title }, el("h2", {}, title), content,
    el("button", { type: "button", on: { click: () => box.close() } }, "Close"));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
};

// Return a right or wrong mark, legible without colour.
report.grade = function (right) {
  if (right === null || right === undefined) return report.el("span", { class: "grade none" }, "not graded");
  return report.el("span", { class: right ? "grade right" : "grade wrong" }, right ? "✓ right" : "✗ wrong");
};
