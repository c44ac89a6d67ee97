"use strict";
// Charts: Vega-Lite specifications, drawn by Vega with its expression interpreter, so that no text becomes code.

report.loadLibrary ??= async () => {}; // where the library is loaded apart, this loads it

// Colours that colour-blind readers tell apart (Okabe and Ito 2008), for light and for dark pages.
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b27c00", "#3d9fd6", "#7a5195"];
const DARK = ["#56b4e9", "#ff8a4c", "#2fc79d", "#e6a3c8", "#f0c94a", "#a8d8f5", "#b79ae0"];
const DASHES = [[1, 0], [7, 3], [2, 3]];

report.isDark = () => getComputedStyle(document.documentElement).colorScheme.includes("dark");
report.palette = () => (report.isDark() ? DARK : LIGHT);

// Return the colour and the dashes of the n-th of several lines.
report.look = (n) => ({ color: report.palette()[n % LIGHT.length], dash: DASHES[Math.floor(n / LIGHT.length) % DASHES.length] });

function themed() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  const text = read("--text"), soft = read("--soft"), line = read("--line");
  const axis = { labelColor: soft, titleColor: text, gridColor: line, domainColor: line, tickColor: line, titleFontWeight: "normal", labelFontSize: 12, titleFontSize: 13 };
  return { background: "transparent", font: read("--font"), axis, view: { stroke: null },
    legend: { labelColor: text, titleColor: text, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", orient: "top", labelLimit: 300 },
    title: { color: text }, text: { color: text, fill: text }, rule: { color: soft } };
}

// Show the values of a mark in a box beside the pointer, as text.
function tip(_, event, __, value) {
  let box = document.getElementById("tip");
  if (!value) {
    if (box) box.hidden = true;
    return;
  }
  if (!box) document.body.append((box = report.el("div", { id: "tip", role: "tooltip" })));
  const rows = Array.isArray(value) ? value : typeof value === "object" ? Object.entries(value) : [["", value]];
  box.replaceChildren(report.el("table", {}, rows.filter(([, one]) => one !== "" && one !== null && one !== "null").map(([name, one]) =>
    report.el("tr", {}, report.el("th", {}, report.visible(name)), report.el("td", {}, report.visible(one))))));
  box.hidden = false;
  const { clientX: x, clientY: y } = event;
  box.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.offsetWidth - 8)) + "px";
  box.style.top = Math.max(4, y + 14 + box.offsetHeight > innerHeight ? y - box.offsetHeight - 10 : y + 14) + "px";
}

// Return a figure with a chart and its text alternative. Options: title, label (the text alternative), note, click (runs
// with the datum of a mark), and numbers: a function that returns the table behind the chart.
report.chart = function (spec, { title, label, note, click, numbers }) {
  const { el } = report;
  const place = el("div", { class: "chart", role: "img", "aria-label": label });
  place.style.minHeight = `${spec.height + 60}px`; // what is below moves little when the chart is drawn
  const figure = el("figure", {}, title ? el("figcaption", {}, title) : null, place, note ? el("p", { class: "note" }, note) : null);
  if (numbers) {
    const details = el("details", {}, el("summary", {}, "The numbers as a table"));
    details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(numbers()); });
    figure.append(details);
  }
  figure.redraw = async (changed) => {
    if (changed) spec = changed;
    await report.loadLibrary();
    if (!window.vegaEmbed) return;
    if (figure.view) figure.view.finalize();
    const full = { width: "container", autosize: { type: "fit-x", contains: "padding" }, ...spec };
    const made = await vegaEmbed(place, full, { mode: "vega-lite", ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: tip, config: themed() });
    figure.view = made.view;
    place.style.minHeight = "";
    place.querySelectorAll("svg").forEach((svg) => svg.setAttribute("aria-hidden", "true"));
    if (click) made.view.addEventListener("click", (event, item) => { if (item && item.datum) click(item.datum); });
  };
  report.pending.push(figure);
  return figure;
};

report.pending = []; // figures that wait until they are in the document

// Return once the browser has shown what is in the document.
const painted = () => new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)));

// Draw the figures that have been put into the document, each after what is there has been shown.
report.drawCharts = async function () {
  for (const figure of report.pending.splice(0)) {
    await painted();
    if (figure.isConnected) await figure.redraw();
  }
  document.documentElement.dataset.ready = String(Number(document.documentElement.dataset.ready || 0) + 1);
};

report.axis = (title, format) => ({ title, grid: true, tickCount: innerWidth < 600 ? 4 : 7, labelOverlap: true, ...(format ? { format } : {}) });
