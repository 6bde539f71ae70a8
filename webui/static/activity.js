// Says when things happened in the reader's own time, and puts each below its own day: the router
// knows only UTC, and near midnight that is another day.
"use strict";

(() => {
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const day = (moment) => moment.toLocaleDateString("sv"); // 2026-01-31

  function name(moment, list) {
    const now = new Date(), before = new Date(now);
    before.setDate(now.getDate() - 1);
    if (day(moment) === day(now)) return list.dataset.today;
    if (day(moment) === day(before)) return list.dataset.yesterday;
    const year = moment.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
    return moment.toLocaleDateString(language, { weekday: "long", day: "numeric", month: "long", ...year });
  }

  function localise(root) {
    const list = root.getElementById("days");
    const lines = list ? [...list.querySelectorAll("time[datetime]")] : [];
    if (!lines.length || lines.some((time) => Number.isNaN(Date.parse(time.dateTime)))) return;
    const days = new Map();
    for (const time of lines) {
      const moment = new Date(time.dateTime);
      time.textContent = [moment.getHours(), moment.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":");
      if (!days.has(day(moment))) days.set(day(moment), { moment, lines: [] });
      days.get(day(moment)).lines.push(time.closest("li"));
    }
    const model = list.querySelector("section").cloneNode(true);
    model.querySelector("ol").replaceChildren();
    list.replaceChildren(...[...days.values()].map(({ moment, lines: of }) => {
      const section = model.cloneNode(true);
      section.id = `day-${day(moment)}`;
      section.querySelector("h2").textContent = name(moment, list);
      section.querySelector("ol").append(...of);
      return section;
    }));
  }

  localise(document);
  document.addEventListener("fresh", (event) => localise(event.detail));

  const filter = document.getElementById("activity-device");
  if (filter) filter.addEventListener("change", () => filter.form.submit());
})();
