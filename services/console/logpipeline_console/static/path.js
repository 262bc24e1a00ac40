// The way of a record as a picture: a box a part, a line where records go.

import { UNKNOWN, compact, count, element, fitted, svg } from "./format.js";

const GLYPHS = { running: "✓", idle: "–", behind: "!", starting: "…", failed: "✕", "not answering": "✕", unknown: "?" };
const HEIGHT = 78;
const GAP = 14;
const NARROW = 760;
const ROOMY = 220;
const FONT = "600 14px system-ui, sans-serif";
const SMALL = "12px system-ui, sans-serif";

// Where each part stands in a picture of `width` pixels, and how high the picture is.
function layout(parts, width) {
  const places = new Map();
  if (width < NARROW) {
    parts.forEach((part, row) => {
      const indent = part.column * 16;
      places.set(part.id, { x: indent, y: row * (HEIGHT + GAP), width: width - indent });
    });
    return { places, height: parts.length * (HEIGHT + GAP) - GAP, narrow: true };
  }
  const columns = 1 + Math.max(...parts.map((part) => part.column));
  const between = 56;
  const each = (width - (columns - 1) * between) / columns;
  const stacks = Array.from({ length: columns }, (_, column) => parts.filter((part) => part.column === column));
  const height = Math.max(...stacks.map((stack) => stack.length)) * (HEIGHT + GAP) - GAP;
  stacks.forEach((stack, column) => {
    const top = (height - (stack.length * (HEIGHT + GAP) - GAP)) / 2;
    stack.forEach((part, row) =>
      places.set(part.id, { x: column * (each + between), y: top + row * (HEIGHT + GAP), width: each }),
    );
  });
  return { places, height, narrow: false };
}

function link(from, to, narrow) {
  if (narrow) {
    const x = from.x + 7;
    const y = to.y + HEIGHT / 2;
    return `M${x},${from.y + HEIGHT} V${y - 6} q0,6 6,6 H${to.x}`;
  }
  const [x1, y1, x2, y2] = [from.x + from.width, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const bend = (x2 - x1) / 2;
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}

// A line through `values` in a box; null where one is unknown.
export function spark(values, width, height) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return "";
  const top = Math.max(...known, 1);
  const step = width / Math.max(1, values.length - 1);
  let drawn = "";
  let pen = "M";
  values.forEach((value, place) => {
    if (value === null) {
      pen = "M";
      return;
    }
    drawn += `${pen}${(place * step).toFixed(1)},${(height - (value / top) * height).toFixed(1)}`;
    pen = "L";
  });
  return drawn;
}

export class Path {
  constructor(container, panel) {
    this.container = container;
    this.panel = panel;
    this.facts = {};
    this.history = null;
    this.chosen = null;
    this.boxes = new Map();
    new ResizeObserver(() => this.draw()).observe(container);
  }

  describe(parts, links) {
    this.parts = parts;
    this.links = links;
    this.draw();
  }

  draw() {
    const width = this.container.clientWidth;
    if (!this.parts || this.parts.length === 0 || width === this.width) return;
    this.width = width;
    const { places, height, narrow } = layout(this.parts, width);
    const focused = document.activeElement?.dataset?.part;
    this.lines = this.links.map(([from, to]) => {
      const line = svg("path", { class: "link", d: link(places.get(from), places.get(to), narrow) });
      return { from, to, line };
    });
    this.boxes = new Map(this.parts.map((part) => [part.id, this.box(part, places.get(part.id))]));
    const picture = svg(
      "svg",
      { width, height: height + 4, viewBox: `-1 -1 ${width + 2} ${height + 4}`, role: "group", "aria-label": "Parts" },
      ...this.lines.map(({ line }) => line),
      ...[...this.boxes.values()].map(({ group }) => group),
    );
    this.container.replaceChildren(picture);
    if (focused) this.boxes.get(focused)?.group.focus();
    this.refresh();
  }

  box(part, { x, y, width }) {
    const title = svg(
      "text",
      { x: 38, y: 24, class: "title" },
      fitted(part.title, width - (width > ROOMY ? 130 : 50), FONT),
    );
    const glyph = svg("text", { x: 20, y: 24.5, class: "glyph" }, "?");
    const figures = svg("text", { x: 38, y: 44, class: "figures" });
    const note = svg("text", { x: 38, y: 63, class: "note" }, fitted(part.note, width - 50, SMALL));
    const line = svg("path", { class: "spark", transform: `translate(${width - 82},12)` });
    const group = svg(
      "g",
      { class: "box", tabindex: 0, role: "button", transform: `translate(${x},${y})`, "data-part": part.id },
      svg("rect", { width, height: HEIGHT, rx: 10 }),
      svg("circle", { cx: 20, cy: 20, r: 10 }),
      glyph,
      title,
      figures,
      note,
      line,
    );
    const choose = () => {
      this.chosen = this.chosen === part.id ? null : part.id;
      this.detail();
    };
    group.addEventListener("click", choose);
    group.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose();
      }
    });
    return { part, group, glyph, figures, note, line, width };
  }

  update(facts) {
    this.facts = facts;
    this.refresh();
  }

  remember(history) {
    this.history = history;
    this.refresh();
  }

  refresh() {
    for (const [id, box] of this.boxes) {
      const facts = this.facts[id] ?? { state: "unknown", facts: {} };
      box.group.dataset.state = facts.state;
      box.glyph.textContent = GLYPHS[facts.state];
      const figures = figuresOf(facts);
      box.figures.textContent = fitted(figures, box.width - 50, SMALL);
      box.note.textContent = fitted(facts.detail || box.part.note, box.width - 50, SMALL);
      box.group.setAttribute("aria-label", `${box.part.title}: ${facts.state}, ${figures}. ${facts.detail}`);
      const lags = this.history?.lags[id];
      const values = lags?.some((lag) => lag !== null) ? lags : this.history?.rates[id];
      box.line.setAttribute("d", values && box.width > ROOMY ? spark(values, 70, 14) : "");
    }
    for (const { from, to, line } of this.lines ?? []) {
      const moving = [from, to].every(
        (id) => this.facts[id]?.state === "running" || this.facts[id]?.state === "behind",
      );
      line.classList.toggle("moving", moving && this.facts[from]?.rate > 0);
    }
    this.detail();
  }

  detail() {
    const box = this.boxes.get(this.chosen);
    this.panel.hidden = !box;
    for (const { group, part } of this.boxes.values()) group.setAttribute("aria-pressed", part.id === this.chosen);
    if (!box) return;
    const facts = this.facts[this.chosen] ?? { state: "unknown", facts: {} };
    const rows = {
      state: facts.state,
      why: facts.detail || null,
      "records a second": facts.rate === undefined || facts.rate === null ? null : facts.rate.toFixed(1),
      lag: facts.lag === undefined || facts.lag === null ? null : `${count(facts.lag)} records`,
      [facts.counts || "total"]: facts.total === undefined || facts.total === null ? null : count(facts.total),
      ...facts.facts,
    };
    const known = Object.entries(rows).filter(([, value]) => value !== null && value !== undefined);
    this.panel.replaceChildren(
      element("h3", {}, box.part.title, " ", element("small", {}, box.part.note)),
      element(
        "dl",
        {},
        ...known.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))),
      ),
    );
  }
}

function figuresOf(facts) {
  const figures = [];
  if (facts.rate !== null && facts.rate !== undefined) figures.push(`${compact(facts.rate)}/s`);
  if (facts.lag !== null && facts.lag !== undefined) figures.push(`lag ${compact(facts.lag)}`);
  if (facts.total !== null && facts.total !== undefined) figures.push(`${compact(facts.total)} ${facts.counts}`);
  return figures.join(" · ") || (facts.state === "unknown" ? UNKNOWN : facts.state);
}

const WORST = ["failed", "not answering", "behind", "starting", "unknown"];

// The state of the whole in a word and a sentence.
export function verdict(parts, facts) {
  for (const state of WORST) {
    const found = parts.filter((part) => (facts[part.id]?.state ?? "unknown") === state);
    if (found.length)
      return { state, glyph: GLYPHS[state], words: `${found.map((part) => part.title).join(", ")}: ${state}` };
  }
  if (facts.source?.state === "idle") return { state: "idle", glyph: "–", words: "no records come in" };
  return { state: "running", glyph: "✓", words: "records flow" };
}
