// The records behind a detection: how many came when, and each of them.

import { amount, count, element, instant, span, svg } from "./format.js";

const ASKED_AT_ONCE = 2;
let running = 0;
const waiting = [];

async function inTurn(work) {
  if (running >= ASKED_AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

// What the server knows of an episode; throws an Error that says why it does not.
export function ask(episode, records) {
  const query = new URLSearchParams({ goal: episode.goal, start: episode.first, end: episode.last, records });
  for (const value of episode.key) query.append("key", value);
  const answered = async () => {
    const answer = await fetch(`api/records?${query}`);
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.error ?? `the console answered ${answer.status}`);
    return content;
  };
  // Whoever asks for records waits for nobody's pictures.
  return records > 0 ? answered() : inTurn(answered);
}

// Bars of `counts`, those of the windows stronger; with an axis when it is large.
export function bars(answer, episode, width, height) {
  const { begin, step, counts } = answer;
  const each = width / counts.length;
  const top = Math.max(...counts, 1);
  const x = (moment) => ((moment - begin) / step) * each;
  const drawn = counts.map((value, place) => {
    const tall = (value / top) * (height - 2);
    const moment = begin + place * step;
    const inside = moment + step > episode.first && moment < episode.last;
    return svg("rect", {
      x: (place * each).toFixed(2),
      y: (height - tall).toFixed(2),
      width: Math.max(0.5, each - 0.6).toFixed(2),
      height: tall.toFixed(2),
      class: inside ? "bar inside" : "bar",
    });
  });
  const label = `${count(answer.total)} records in the windows, at most ${count(top)} in ${step} s`;
  return svg(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, class: "bars", role: "img", "aria-label": label },
    svg("rect", {
      x: x(episode.first),
      y: 0,
      width: Math.max(1, x(episode.last) - x(episode.first)),
      height,
      class: "span",
    }),
    ...drawn,
  );
}

// Bars of the windows' own values, where there is no index to ask.
export function windowBars(values, width, height) {
  const each = width / Math.max(values.length, 8);
  const top = Math.max(...values);
  const drawn = values.map((value, place) => {
    const tall = Math.max(1, (value / top) * (height - 2));
    return svg("rect", {
      x: place * each,
      y: height - tall,
      width: Math.max(1, each - 1),
      height: tall,
      class: "bar inside",
    });
  });
  return svg(
    "svg",
    { width, height, class: "bars", role: "img", "aria-label": `${values.length} windows, at most ${amount(top)}` },
    ...drawn,
  );
}

// The whole answer: a sentence, the bars, the records as a table.
export function evidence(answer, episode, goal, width) {
  const end = answer.begin + answer.step * answer.counts.length;
  const shown = answer.records.length < answer.total ? `the first ${count(answer.records.length)} of ` : "";
  const figure = element(
    "figure",
    {},
    bars(answer, episode, Math.min(width, 900), 56),
    element(
      "figcaption",
      {},
      `${span(answer.begin, end)} UTC, ${answer.step} s a bar; shaded: the windows that passed the threshold`,
    ),
  );
  return [
    element(
      "p",
      {},
      `${goal.meaning}, more than ${goal.limit}. Of ${goal.fields.join(", ")} ${episode.key.join(", ")}: `,
      element("strong", {}, `${shown}${count(answer.total)} records`),
      ` from ${span(episode.first, episode.last, true)} UTC.`,
    ),
    figure,
    table(answer.records),
  ];
}

function table(records) {
  const names = [...new Set(records.flatMap(({ record }) => Object.keys(record)))].filter(
    (name) => name !== "@timestamp",
  );
  const head = element(
    "tr",
    {},
    ...["time (UTC)", ...names, "topic+partition+offset"].map((name) => element("th", { scope: "col" }, name)),
  );
  const rows = records.map(({ id, record }) =>
    element(
      "tr",
      {},
      element("td", {}, moment(record["@timestamp"])),
      ...names.map((name) => element("td", {}, text(record[name]))),
      element("td", { class: "dim" }, id),
    ),
  );
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Records" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
  );
}

function moment(value) {
  const seconds = Number(value);
  return Number.isFinite(seconds) ? instant(seconds) : String(value ?? "");
}

function text(value) {
  return value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
