"use strict";
// The charts of a result in a notebook: the overview alone, without what leads to questions.

report.go = () => {};
report.address = () => null;

report.draw = async function () {
  report.pending = [];
  document.querySelector("header").hidden = true;
  document.querySelector("main").replaceChildren(...report.views.overview({ run: 0 }).flat(2).filter(Boolean));
  await report.drawCharts();
};

report.store.runs = [JSON.parse(document.getElementById("summary").textContent)];
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => report.draw());
report.draw();
