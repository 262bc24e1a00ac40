// When what was detected: a lane a goal, a bar an episode.

import { day, element, fitted, key, span, svg, time } from "./format.js";

const ROW = 9;
const MOST_ROWS = 8;
const LIVE_SECONDS = 600;
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 2592000,
];

export class Timeline {
  constructor(container, span, choose) {
    this.container = container;
    this.span = span;
    this.choose = choose;
    this.episodes = [];
    new ResizeObserver(() => this.draw()).observe(container);
  }

  describe(about) {
    this.about = about;
    this.goals = about.goals.filter((goal) => goal.limit !== null).map((goal) => goal.name);
  }

  update(episodes) {
    this.episodes = episodes;
    this.draw();
  }

  draw() {
    const width = this.container.clientWidth;
    if (!this.about || !width) return;
    if (!this.episodes.length) {
      this.container.replaceChildren(element("p", { class: "empty" }, "nothing detected yet"));
      this.span.textContent = "";
      return;
    }
    const newest = this.episodes.reduce((most, episode) => Math.max(most, episode.last), -Infinity);
    const first = this.episodes.reduce((least, episode) => Math.min(least, episode.first), Infinity);
    const oldest = this.about.live ? Math.max(first, newest - LIVE_SECONDS) : first;
    const shown = this.episodes.filter((episode) => episode.last > oldest);
    const dated = day(oldest) !== day(newest);
    const left = width < 600 ? 0 : 130;
    const x = (moment) =>
      left + ((Math.max(moment, oldest) - oldest) / Math.max(1, newest - oldest)) * (width - left - 4);
    const drawn = [];
    let y = 4;
    this.goals.forEach((goal, lane) => {
      const label = left
        ? svg("text", { x: 0, y: y + 11, class: "lane" }, fitted(goal, left - 8, "12px system-ui, sans-serif"))
        : null;
      if (!left) {
        drawn.push(svg("text", { x: 0, y: y + 10, class: "lane" }, goal));
        y += 14;
      } else drawn.push(label);
      const ends = [];
      for (const episode of shown.filter((one) => one.goal === goal).sort((one, other) => one.first - other.first)) {
        let row = ends.findIndex((end) => end < x(episode.first));
        if (row < 0) row = ends.length < MOST_ROWS ? ends.length : MOST_ROWS - 1;
        const wide = Math.max(4, x(episode.last) - x(episode.first));
        ends[row] = x(episode.first) + wide + 1;
        const bar = svg(
          "rect",
          {
            x: x(episode.first),
            y: y + row * ROW,
            width: wide,
            height: ROW - 2,
            rx: 2,
            class: `episode lane-${lane % 6}`,
            "data-open": String(episode.open),
          },
          svg(
            "title",
            {},
            `${goal} ${key(episode.key)}: ${span(episode.first, episode.last, dated)} UTC${episode.open ? ", open" : ""}`,
          ),
        );
        bar.addEventListener("click", () => this.choose(episode));
        drawn.push(bar);
      }
      y += Math.max(1, ends.length) * ROW + 10;
    });
    const step = STEPS.find((seconds) => (newest - oldest) / seconds <= (width - left) / 90) ?? STEPS.at(-1);
    const ticks = [];
    for (let moment = Math.ceil(oldest / step) * step; moment <= newest; moment += step) {
      const clock = time(moment).slice(0, step < 60 ? 8 : 5);
      const text = step >= 86400 ? day(moment) : dated ? `${day(moment).slice(5)} ${clock}` : clock;
      ticks.push(svg("line", { x1: x(moment), x2: x(moment), y1: 0, y2: y, class: "tick" }));
      // The last one must not reach beyond the edge.
      const middle = Math.min(x(moment), width - (dated ? 36 : 22));
      ticks.push(svg("text", { x: middle, y: y + 12, class: "axis" }, text));
    }
    const label = `${shown.length} episodes of ${this.goals.join(", ")}; each is in the list of detections`;
    this.container.replaceChildren(
      svg("svg", { width, height: y + 18, role: "img", "aria-label": label }, ...ticks, ...drawn),
    );
    this.span.textContent = `${span(oldest, newest, true)} UTC`;
  }
}
