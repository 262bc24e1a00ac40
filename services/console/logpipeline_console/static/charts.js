// Lines over time, drawn by uPlot; each chart has a table that says the same.

import { amount, compact, day, element, key, time } from "./format.js";

/* global uPlot */

const HEIGHT = 190;
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

const probe = document.body.appendChild(element("span", { hidden: "" }));

// A colour of the theme as a canvas takes it.
function style(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

export class Chart {
  // `format` writes a value.
  constructor(container, title, format = amount) {
    this.title = title;
    this.format = format;
    this.canvas = element("div", {
      class: "canvas",
      role: "img",
      "aria-label": `${title}; the table below says the same`,
    });
    this.table = element("table", {});
    this.twin = element(
      "details",
      {},
      element("summary", {}, "as a table"),
      element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, this.table),
    );
    container.replaceChildren(this.canvas, this.twin);
    this.twin.addEventListener("toggle", () => this.fill());
    new ResizeObserver(() => this.plot?.setSize({ width: this.canvas.clientWidth, height: HEIGHT })).observe(
      this.canvas,
    );
  }

  update(times, names, rows) {
    this.times = times;
    this.names = names;
    this.rows = rows;
    const data = [times, ...rows];
    const shape = JSON.stringify(names);
    if (this.plot && shape === this.shape) {
      this.plot.setData(data);
      this.newest();
    } else {
      this.shape = shape;
      this.draw();
    }
    this.fill();
  }

  // Whether the times are of several days.
  dated() {
    return this.times.length > 0 && day(this.times[0]) !== day(this.times.at(-1));
  }

  moment(moment, signs = 8) {
    return `${this.dated() ? `${day(moment)} ` : ""}${time(moment).slice(0, signs)}`;
  }

  // The legend has the newest values while nobody points at others.
  newest() {
    if (this.plot.cursor.idx === null || this.plot.cursor.idx === undefined)
      this.plot.setLegend({ idx: this.times.length - 1 });
  }

  // Colours come from the theme, so another theme is another drawing.
  draw() {
    if (!this.times) return;
    this.plot?.destroy();
    const axis = {
      stroke: style("--dim"),
      grid: { stroke: style("--line"), width: 1 },
      ticks: { stroke: style("--line"), width: 1 },
      font: "11px system-ui, sans-serif",
    };
    this.plot = new uPlot(
      {
        width: Math.max(200, this.canvas.clientWidth),
        height: HEIGHT,
        tzDate: (moment) => uPlot.tzDate(new Date(moment * 1000), "UTC"),
        cursor: { drag: { x: false, y: false } },
        hooks: { setCursor: [(plot) => plot === this.plot && this.newest()] },
        legend: { live: true },
        scales: {
          // uPlot makes a day of a single moment.
          x: { range: (_, low, high) => (this.times.length === 1 ? [low - 60, low + 60] : [low, high]) },
          y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 1) * 1.08 || 1] },
        },
        axes: [
          {
            ...axis,
            space: this.dated() ? 90 : 64,
            values: (_, splits) =>
              splits.map((moment) => this.moment(moment, splits[1] - splits[0] < 60 ? 8 : 5).slice(this.dated() ? 5 : 0)),
          },
          {
            ...axis,
            size: 52,
            values: (_, splits) =>
              splits.map((value) => (value === null ? "" : value < 10 ? amount(value) : compact(value))),
          },
        ],
        series: [
          { label: "UTC", value: (_, moment) => (moment === null ? "–" : this.moment(moment)) },
          ...this.names.map((name, place) => ({
            label: name,
            stroke: style(`--series-${place % 8}`),
            dash: DASHES[Math.floor(place / 2) % DASHES.length],
            width: 1.6,
            spanGaps: false,
            points: { show: this.times.length < 3 },
            value: (_, value) => (value === null || value === undefined ? "–" : this.format(value)),
          })),
        ],
      },
      [this.times, ...this.rows],
      this.canvas,
    );
    this.newest();
  }

  fill() {
    if (!this.twin.open || !this.times) return;
    const head = element("tr", {}, ...["UTC", ...this.names].map((name) => element("th", { scope: "col" }, name)));
    const rows = this.times.map((moment, place) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, this.moment(moment)),
        ...this.rows.map((row) => element("td", {}, row[place] === null ? "–" : this.format(row[place]))),
      ),
    );
    this.table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows.reverse()));
  }
}

// A chart for each metric.
export class Metrics {
  constructor(container) {
    this.container = container;
    this.charts = new Map();
  }

  describe(about) {
    this.charts.clear();
    this.container.replaceChildren(
      ...about.goals
        .filter((goal) => goal.limit === null)
        .map((goal) => {
          const note = element("small", {}, goal.meaning);
          const body = element("div", {}, element("p", { class: "empty" }, "no window has ended yet"));
          this.charts.set(goal.name, { body, note, goal, chart: null });
          return element(
            "section",
            { "aria-label": goal.name, "data-goal": goal.name },
            element("h2", {}, goal.name, " ", note),
            body,
          );
        }),
    );
  }

  update(metrics) {
    for (const [name, { times, keys, rows, of }] of Object.entries(metrics)) {
      const shown = this.charts.get(name);
      if (!shown || !times.length) continue;
      shown.chart ??= new Chart(shown.body, `${name}: ${shown.goal.meaning}`);
      shown.note.textContent =
        of > keys.length ? `${shown.goal.meaning}; the ${keys.length} highest of ${of}` : shown.goal.meaning;
      shown.chart.update(times, keys.map(key), rows);
    }
  }

  redraw() {
    for (const { chart } of this.charts.values()) chart?.draw();
  }
}

// Rates of what comes in and what is indexed, and the lag of each reader.
export class Flow {
  constructor(container) {
    const [rates, lags] = [element("div", {}), element("div", {})];
    container.replaceChildren(element("h3", {}, "records a second"), rates, element("h3", {}, "lag, records"), lags);
    this.rates = new Chart(rates, "Records a second", (value) => compact(value));
    this.lags = new Chart(lags, "Lag in records", (value) => compact(value));
  }

  describe(about) {
    this.rated = [
      { id: "kafka", title: "produced" },
      { id: "elasticsearch", title: "indexed" },
    ].filter(({ id }) => about.parts.some((part) => part.id === id));
    this.lagging = about.parts.filter((part) => ["goal", "connector", "lake"].includes(part.kind));
  }

  update(history) {
    const draw = (chart, parts, values) =>
      chart.update(
        history.times,
        parts.map((part) => part.title),
        parts.map((part) => values[part.id]),
      );
    draw(this.rates, this.rated, history.rates);
    draw(this.lags, this.lagging, history.lags);
  }

  redraw() {
    this.rates.draw();
    this.lags.draw();
  }
}
