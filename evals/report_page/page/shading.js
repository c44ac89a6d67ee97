"use strict";
// Texts whose tokens are shaded by a trace: a text is there at once, and its tokens are shaded once it comes near the
// screen, as 64 samples of 500 tokens would have 32,000 elements.

const LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const MOST_STRIP = 2000; // tokens of a strip

const unshaded = new Map(); // elements that wait until they come near the screen, with what shades them

const near = new IntersectionObserver((seen) => seen.filter((one) => one.isIntersecting).forEach((one) => shadeNow(one.target)), { rootMargin: "100% 0px" });

function shadeNow(element) {
  near.unobserve(element);
  unshaded.get(element)?.();
  unshaded.delete(element);
}

function shadeLater(element, work) {
  unshaded.set(element, work);
  near.observe(element);
  return element;
}

// Forget the elements that have left the document.
report.forgetUnshaded = function () {
  for (const element of unshaded.keys()) {
    if (element.isConnected) continue;
    near.unobserve(element);
    unshaded.delete(element);
  }
};

addEventListener("beforeprint", () => [...unshaded.keys()].forEach(shadeNow));

const shadeKey = () => report.el("span", { class: "key", "aria-hidden": "true" }, "low ", [0, 2, 4, 6, 8, 9].map((level) => report.el("span", { class: `heat h${level}` }, "\u2003")), " high");

// Return a sample's text with its tokens shaded by a trace; where tokens have no texts, the text above the trace alone.
function shaded(sample, trace, name) {
  const { el } = report;
  const value = (i) => LEVELS.indexOf(trace[i]) / (LEVELS.length - 1);
  const token = (i, title, text) => el("span", { class: `heat h${Math.min(9, Math.floor(10 * value(i)))}`, title: `${title}${name} ${report.number(value(i))}` }, text);
  const text = el("div", { class: "text", dir: "auto" }, report.visible(report.textOf(sample)));
  if (!trace) return text;
  if (sample.pieces) {
    return shadeLater(text, () => text.replaceChildren(...sample.pieces.map((piece, i) => (i < trace.length ? token(i, "", report.visible(piece)) : report.visible(piece)))));
  }
  const strip = el("div", { class: "strip", title: `${name} token by token`, role: "img", "aria-label": `${name} of ${trace.length} tokens` });
  return [text, shadeLater(strip, () => strip.append(...[...trace].slice(0, MOST_STRIP).map((_, i) => token(i, `token ${i + 1}: `, ""))))];
}
