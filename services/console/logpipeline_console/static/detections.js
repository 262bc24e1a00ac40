// Detections as they come: a row an episode, its records on demand.

import { ago, amount, count, day, element, key, span } from "./format.js";
import { ask, bars, evidence, windowBars } from "./records.js";

const FIRST_SHOWN = 25;
const SPARK_WIDTH = 120;
const SPARK_HEIGHT = 26;
// Records reach the index some seconds after the detection: until then the picture is made again.
const SETTLED_SECONDS = 60;
const AGAIN_SECONDS = 5;

const idOf = (episode) => JSON.stringify([episode.goal, episode.key, episode.first]);

export class Detections {
  constructor(news) {
    this.news = news;
    this.list = document.getElementById("episodes");
    this.rows = new Map();
    this.episodes = [];
    this.most = FIRST_SHOWN;
    this.goal = document.getElementById("filter-goal");
    this.key = document.getElementById("filter-key");
    document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
    for (const input of [this.goal, this.key]) input.addEventListener("input", () => this.show());
    this.more = document.getElementById("more");
    this.more.addEventListener("click", () => {
      this.most += 100;
      this.show();
    });
    setInterval(() => this.tick(), 1000);
  }

  describe(about) {
    this.about = about;
    this.goals = new Map(about.goals.map((goal) => [goal.name, goal]));
    const names = about.goals.filter((goal) => goal.limit !== null).map((goal) => goal.name);
    this.goal.replaceChildren(
      element("option", { value: "" }, "all"),
      ...names.map((name) => element("option", { value: name }, name)),
    );
  }

  update({ episodes, goals }) {
    const known = new Set(this.episodes.map(idOf));
    const fresh = episodes.filter((episode) => !known.has(idOf(episode)));
    if (known.size && fresh.length) this.news(`${fresh[0].goal}: ${key(fresh[0].key)}`, fresh.length);
    this.episodes = episodes;
    this.totals = goals;
    // A time of day says nothing where there are several days; the newest episode is the first.
    const first = episodes.reduce((least, episode) => Math.min(least, episode.first), Infinity);
    this.dated = episodes.length > 0 && day(first) !== day(episodes[0].last);
    this.list.classList.toggle("dated", this.dated);
    this.show();
    this.follow();
  }

  // Goes to the episode that a link asks for, as soon as it is there: its goal, a moment in it, values of its key.
  follow(link = this.link) {
    this.link = link;
    const goal = link?.get("goal");
    if (!goal || !this.goals?.has(goal)) return;
    const [at, values] = [Number(link.get("at")), link.getAll("value")];
    const wanted = this.episodes.find(
      (episode) =>
        episode.goal === goal &&
        episode.first <= at &&
        at < episode.last &&
        values.every((value) => episode.key.includes(value)),
    );
    if (wanted) {
      this.link = null;
      this.open(wanted);
    }
  }

  show() {
    const wanted = this.key.value.trim().toLowerCase();
    const found = this.episodes.filter(
      (episode) =>
        (!this.goal.value || episode.goal === this.goal.value) && key(episode.key).toLowerCase().includes(wanted),
    );
    const shown = found.slice(0, this.most);
    const rows = shown.map((episode) => this.row(episode));
    const kept = new Set(shown.map(idOf));
    for (const id of this.rows.keys()) if (!kept.has(id)) this.rows.delete(id);
    // Rows that stay where they are keep their focus.
    rows.forEach((row, place) => {
      const there = this.list.children[place];
      if (there !== row.item) this.list.insertBefore(row.item, there ?? null);
    });
    while (this.list.children.length > rows.length) this.list.lastElementChild.remove();
    this.more.hidden = found.length <= this.most;
    document.getElementById("no-episodes").hidden = found.length > 0;
    const total = Object.values(this.totals ?? {}).reduce((sum, goal) => sum + goal.episodes, 0);
    const dropped = Object.values(this.totals ?? {}).some((goal) => goal.dropped > 0);
    const newest = total > this.episodes.length ? `, the newest ${count(this.episodes.length)} here` : "";
    document.getElementById("detections-count").textContent =
      `${count(total)}${dropped ? " or more" : ""} episodes${newest}`;
  }

  row(episode) {
    const id = idOf(episode);
    let row = this.rows.get(id);
    if (!row) {
      row = this.made(episode);
      this.rows.set(id, row);
    }
    const changed = !row.episode || row.episode.windows !== episode.windows || row.episode.last !== episode.last;
    row.episode = episode;
    row.item.dataset.open = String(episode.open);
    row.state.textContent = episode.open === null ? "? unknown" : episode.open ? "● open" : "○ over";
    const goal = this.goals.get(episode.goal);
    row.value.textContent = `${goal.early ? "≥ " : ""}${amount(episode.peak)}`;
    row.value.title = `${goal.value} in ${goal.size} s above ${goal.limit}`;
    row.when.textContent = span(episode.first, episode.last, this.dated);
    row.when.title = `${day(episode.first)}, UTC`;
    row.windows.textContent = `${count(episode.windows)} window${episode.windows === 1 ? "" : "s"}`;
    if (changed) {
      if (!this.about.searchable) row.picture.replaceChildren(windowBars(episode.bars, SPARK_WIDTH, SPARK_HEIGHT));
      else row.due = 0;
    }
    return row;
  }

  made(episode) {
    const cell = (name) => element("span", { class: name });
    const row = {
      state: cell("state"),
      value: cell("value"),
      when: cell("when"),
      windows: cell("windows"),
      picture: cell("picture"),
      since: cell("since"),
      due: 0,
    };
    row.button = element(
      "button",
      { type: "button", class: "row", "aria-expanded": "false" },
      row.state,
      element("span", { class: "goal" }, episode.goal),
      element("span", { class: "key" }, key(episode.key)),
      row.value,
      row.picture,
      row.windows,
      row.when,
      row.since,
    );
    row.records = element("div", { class: "records", hidden: "" });
    row.item = element("li", { "data-goal": episode.goal }, row.button, row.records);
    row.button.addEventListener("click", () => this.toggle(row));
    return row;
  }

  open(episode) {
    this.goal.value = this.key.value = "";
    this.most = Math.max(this.most, this.episodes.findIndex((other) => idOf(other) === idOf(episode)) + 1);
    this.show();
    const row = this.rows.get(idOf(episode));
    if (!row) return;
    if (row.records.hidden) this.toggle(row);
    row.button.scrollIntoView({ block: "center" });
    row.button.focus();
  }

  async toggle(row) {
    row.records.hidden = !row.records.hidden;
    row.button.setAttribute("aria-expanded", String(!row.records.hidden));
    if (row.records.hidden) return;
    const goal = this.goals.get(row.episode.goal);
    if (!this.about.searchable) {
      const why = this.about.live
        ? "The pipeline has no index of its raw records."
        : "A backtest has no index; the records are in its input files.";
      row.records.replaceChildren(element("p", {}, `${goal.meaning}, more than ${goal.limit}. ${why}`));
      return;
    }
    row.records.replaceChildren(element("p", {}, "asking Elasticsearch …"));
    try {
      const answer = await ask(row.episode, 50);
      row.records.replaceChildren(...evidence(answer, row.episode, goal, row.records.clientWidth));
    } catch (error) {
      row.records.replaceChildren(element("p", { class: "error" }, error.message));
    }
  }

  // Ages go on, and pictures of what is in sight follow the index.
  tick() {
    const now = Date.now() / 1000;
    for (const row of this.rows.values()) {
      row.since.textContent = `${ago(now - row.episode.last)} ago`;
      if (!this.about.searchable || row.due > now || row.asked || !inSight(row.item)) continue;
      const young = row.episode.open !== false || now - row.episode.last < SETTLED_SECONDS;
      row.due = young ? now + AGAIN_SECONDS : Infinity;
      this.picture(row);
    }
  }

  async picture(row) {
    row.asked = true;
    try {
      const answer = await ask(row.episode, 0);
      row.picture.replaceChildren(bars(answer, row.episode, SPARK_WIDTH, SPARK_HEIGHT));
    } catch {
      // The row has its numbers without a picture; what the index has against it stands in the opened row and in the path.
      row.due = Date.now() / 1000 + AGAIN_SECONDS;
    } finally {
      row.asked = false;
    }
  }
}

function inSight(item) {
  const { top, bottom } = item.getBoundingClientRect();
  return bottom > -200 && top < window.innerHeight + 200;
}
