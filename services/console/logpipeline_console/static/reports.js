// The pages of scheduled reports, the newest first; each opens in a window of its own.

import { count, element } from "./format.js";

const SHOWN = 7;

// An hour such as 2024-05-01T11, which ends a minute before the next.
const from = (hour) => `${hour.replace("T", " ")}:00`;
const until = (hour) => `${hour.replace("T", " ")}:59`;

export class Reports {
  constructor(section) {
    this.section = section;
    this.count = section.querySelector("small");
    this.fault = section.querySelector(".empty");
    this.list = section.querySelector("div");
  }

  update({ pages, fault }) {
    this.section.hidden = pages.length === 0 && fault === null;
    this.count.textContent = pages.length > 0 ? count(pages.length) : "";
    this.fault.hidden = fault === null;
    this.fault.textContent = fault ?? "";
    const names = [...new Set(pages.map((page) => page.report))].sort();
    this.list.replaceChildren(...names.map((name) => this.of(name, pages)));
  }

  of(name, pages) {
    const own = pages.filter((page) => page.report === name);
    const title = element("h3", {}, name);
    const items = own.map((page) => {
      const link = element(
        "a",
        { href: `reports/${page.path}`, target: "_blank", rel: "noopener" },
        `${from(page.first)} – ${until(page.last)}`,
      );
      return element("li", {}, link, element("small", {}, ` ${page.size}`));
    });
    const shown = element("ol", { class: "reports" }, ...items.slice(0, SHOWN));
    if (items.length <= SHOWN) return element("div", {}, title, shown);
    const more = element("summary", {}, `${count(items.length - SHOWN)} earlier`);
    const earlier = element("details", {}, more, element("ol", { class: "reports" }, ...items.slice(SHOWN)));
    return element("div", {}, title, shown, earlier);
  }
}
