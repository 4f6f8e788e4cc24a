// Words, numbers and small parts. Text from outside enters the page as text only, never as markup.

import { svg } from "./chart.js";

const SHAPES = {
  pass: ["M8 .5a7.5 7.5 0 1 0 .01 0z", "M4.5 8.2 7 10.7l4.5-5"],
  fail: ["M5 .5h6L15.5 5v6L11 15.5H5L.5 11V5z", "m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4"],
  open: ["M8 .3 15.7 8 8 15.7.3 8z", "M8 4.3v4.4m0 2.6v.2"],
};
const LEVELS = { PASS: "pass", FAIL: "fail", within: "pass", broken: "fail", lost: "fail", stale: "fail", refused: "fail" };

export const $ = (id) => document.getElementById(id);

/** Return the level of a verdict, a standing or a state: pass, fail or open. */
export const level = (word) => LEVELS[word] ?? "open";

/** Return an element with its text or its children. */
export function el(name, content = "", { className = "", ...properties } = {}) {
  const made = document.createElement(name);
  if (className) made.className = className;
  Object.assign(made, properties);
  made.append(...(Array.isArray(content) ? content : [content]));
  return made;
}

/** Return a word with the shape and colour of its level. */
export function mark(word, of = level(word)) {
  const icon = svg("svg", { class: "mark", viewBox: "0 0 16 16", "aria-hidden": "true" });
  icon.append(...SHAPES[of].map((d) => svg("path", { d })));
  return el("span", [icon, word], { className: `word ${of}` });
}

/** Set a text only when it is another: a screen reader speaks each change. */
export function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

/** Return a number for a person; what is not known is a dash, never 0. */
export function number(value, digits = 1) {
  if (typeof value !== "number") return value ?? "—";
  return value.toLocaleString(undefined, { maximumFractionDigits: digits });
}

export const quantity = (value, unit, digits) =>
  (typeof value === "number" ? `${number(value, digits)} ${unit}` : number(value));

export function duration(seconds) {
  if (seconds === null) return "—";
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h} h ${m} min` : m ? `${m} min ${s} s` : `${s} s`;
}

/** Return a time as this machine's clock shows it, with UTC, which the report uses. */
export function moment(utc) {
  const at = new Date(utc);
  return Number.isNaN(at.getTime()) ? "" : `${at.toLocaleString()} (${at.toISOString().slice(11, 16)} UTC)`;
}

/** Return what is known, with dots between. */
export const joined = (...parts) => parts.filter(Boolean).join(" · ");
