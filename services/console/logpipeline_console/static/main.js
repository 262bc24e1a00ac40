// The page: events of the server on one side, what is shown on the other.

import { Flow, Metrics } from "./charts.js";
import { Detections } from "./detections.js";
import { ago } from "./format.js";
import { Path, verdict } from "./path.js";
import { Reports } from "./reports.js";
import { Timeline } from "./timeline.js";

const STALE_SECONDS = 5;
const NEWS_SECONDS = 5;
const byId = (id) => document.getElementById(id);

let about = null;
let heard = null;
let said = 0;

const detections = new Detections(announce);
const path = new Path(byId("path"), byId("part"));
const timeline = new Timeline(byId("timeline"), byId("timeline-span"), (episode) => detections.open(episode));
const metrics = new Metrics(byId("metrics"));
const flow = new Flow(byId("flow"));
const reports = new Reports(byId("reports-section"));

// The link of an alert names an episode.
const follow = () => detections.follow(new URLSearchParams(location.hash.slice(1)));
window.addEventListener("hashchange", follow);
follow();

// Spoken now and then: a storm of detections is one sentence.
function announce(first, many) {
  if (Date.now() / 1000 - said < NEWS_SECONDS) return;
  said = Date.now() / 1000;
  byId("news").textContent = many > 1 ? `${many} new detections, ${first} among them` : `new detection, ${first}`;
}

function judge(state, glyph, words) {
  byId("verdict").dataset.state = state;
  byId("verdict").querySelector(".glyph").textContent = glyph;
  const shown = byId("verdict").querySelector(".words");
  if (shown.textContent !== words) shown.textContent = words;
}

const handlers = {
  about(content) {
    about = content;
    document.title = `${about.pipeline} · LogPipeline`;
    byId("name").textContent = about.namespace === "default" ? about.pipeline : `${about.namespace}/${about.pipeline}`;
    byId("path-section").hidden = byId("flow-section").hidden = !about.live;
    if (!about.live) judge("idle", "◷", "backtest");
    for (const part of [detections, timeline, metrics, flow]) part.describe(about);
    path.describe(about.parts, about.links);
  },
  path(content) {
    path.update(content.parts);
    const { state, glyph, words } = verdict(about.parts, content.parts);
    judge(state, glyph, words);
  },
  history(content) {
    path.remember(content);
    flow.update(content);
  },
  detections(content) {
    detections.update(content);
    timeline.update(content.episodes);
  },
  metrics(content) {
    metrics.update(content);
  },
  reports(content) {
    reports.update(content);
  },
};

const events = new EventSource("events");
for (const [kind, handle] of Object.entries(handlers)) {
  events.addEventListener(kind, (event) => {
    heard = Date.now();
    handle(JSON.parse(event.data));
  });
}

function age() {
  const seconds = heard === null ? null : (Date.now() - heard) / 1000;
  const stale =
    seconds === null || (about?.live !== false && seconds > STALE_SECONDS) || events.readyState === EventSource.CLOSED;
  document.body.classList.toggle("stale", stale);
  const words =
    seconds === null ? "no data yet" : about?.live === false ? "all results read" : `data ${ago(seconds)} old`;
  byId("freshness").textContent = stale && seconds !== null ? `stale: ${words}` : words;
  if (stale && seconds !== null) judge("unknown", "?", "the console does not answer");
}
setInterval(age, 500);
age();

const THEMES = ["system", "light", "dark"];
const chosen = () => document.documentElement.dataset.theme ?? "system";
function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `theme: ${theme}`;
  metrics.redraw();
  flow.redraw();
}
byId("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length];
  localStorage.setItem("theme", next);
  setTheme(next);
});
setTheme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "system");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(chosen()));
