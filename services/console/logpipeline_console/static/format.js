// Numbers, moments and keys as people read them. Moments are epoch seconds and shown in UTC. null is unknown: a dash.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const UNKNOWN = "–";

export const count = (value) => (value === null || value === undefined ? UNKNOWN : whole.format(value));

export const compact = (value) =>
  value === null || value === undefined ? UNKNOWN : value < 10000 ? whole.format(value) : short.format(value);

export const amount = (value) => (value === null || value === undefined ? UNKNOWN : exact.format(value));

export const time = (moment) => new Date(moment * 1000).toISOString().slice(11, 19);

export const day = (moment) => new Date(moment * 1000).toISOString().slice(0, 10);

// From one moment to another; with dates when they are `dated` or of two days.
export function span(first, last, dated = false) {
  const over = day(first) !== day(last);
  return `${dated || over ? `${day(first)} ` : ""}${time(first)} – ${over ? `${day(last)} ` : ""}${time(last)}`;
}

export const instant = (moment) => new Date(moment * 1000).toISOString().replace("T", " ").slice(0, 23);

export const key = (values) => values.join(" | ");

export function ago(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes and children; a text child stays text, whatever is in it.
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(attribute, value);
  }
  made.append(...children);
  return made;
}

const context = document.createElement("canvas").getContext("2d");

// `text` cut to `width` pixels of `font`.
export function fitted(text, width, font) {
  context.font = font;
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}
