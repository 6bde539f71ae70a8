// Puts each second's numbers where the page has a place for them (data-flow), and draws the last
// two minutes as webui/present/live.py does.
"use strict";

(() => {
  const SAMPLES = 120, STEP = 2, HEIGHT = 48, LEAST_TOP = 50000, LOUD = 2000, POLL = 2000, PATIENCE = 5000;
  const past = new Map();
  const silence = { down: 0, up: 0 };
  let at = 0, heard = 0, sorted = 0, begun = false;

  function speed(amount) {
    if (amount < 1) return "0 kB/s";
    if (amount < 1000) return "<1 kB/s";
    if (amount < 1e6) return `${(amount / 1e3).toFixed(0)} kB/s`;
    return `${(amount / 1e6).toFixed(amount < 9950000 ? 1 : 0)} MB/s`;
  }

  const points = (values, top) => values
    .map((value, i) => `${STEP * (i + SAMPLES - values.length)},${(HEIGHT - 1 - value / top * (HEIGHT - 2)).toFixed(1)}`)
    .join(" ");

  function draw(row, samples) {
    const down = samples.map((s) => s.down), up = samples.map((s) => s.up);
    const top = Math.max(LEAST_TOP, ...down, ...up);
    const area = row.querySelector("path.down"), line = row.querySelector("path.up");
    if (!area || !begun) return; // what came before is drawn already, and not known yet
    area.setAttribute("d", `M${STEP * (SAMPLES - samples.length)},${HEIGHT}L${points(down, top)}V${HEIGHT}Z`);
    line.setAttribute("d", `M${points(up, top)}`);
  }

  function put(row, now) {
    const say = (part, text) => {
      const place = row.querySelector(`[data-part="${part}"]`);
      if (place && place.textContent !== text) place.textContent = text;
    };
    say("down", speed(now.down));
    say("up", speed(now.up));
    const numbers = row.querySelector("[data-part=both]");
    if (numbers) numbers.title = `${((now.down + now.up) * 8 / 1e6).toFixed(1)} Mbit/s`;
  }

  function total(flows) {
    const all = Object.values(flows);
    return { down: all.reduce((n, f) => n + f.down, 0), up: all.reduce((n, f) => n + f.up, 0) };
  }

  function current(key, live) {
    if (key === "home") return total(live.destinations);
    const [kind, ...name] = key.split(":");
    return live[`${kind}s`][name.join(":")] || silence;
  }

  function show({ detail: live }) {
    if (live.at === at) return; // the second that another page was told already
    at = live.at;
    let woke = false;
    for (const row of document.querySelectorAll("[data-flow]")) {
      const key = row.dataset.flow, now = current(key, live), samples = past.get(key) || [];
      samples.push(now);
      past.set(key, samples.slice(-SAMPLES));
      put(row, now);
      draw(row, past.get(key));
      woke = woke || (row.hasAttribute("data-quiet") && now.down + now.up > LOUD);
    }
    if (woke && Date.now() - sorted > PATIENCE) { // it belongs to the others now
      sorted = Date.now();
      document.dispatchEvent(new Event("outdated"));
    }
  }

  async function ask(what) {
    const response = await fetch(`/live/${what}`, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!response.ok) throw new Error(response.status);
    return response.json();
  }

  async function begin() {
    if (!document.querySelector("path.down")) return;
    const told = await ask("history").catch(() => null);
    begun = true;
    if (!told) return;
    const keep = (key, samples) => past.set(key, [...samples, ...(past.get(key) || [])].slice(-SAMPLES));
    for (const kind of ["device", "destination"])
      for (const [name, samples] of Object.entries(told[`${kind}s`])) keep(`${kind}:${name}`, samples);
    const ways = Object.values(told.destinations), length = Math.max(0, ...ways.map((w) => w.length));
    keep("home", Array.from({ length }, (_, i) => total(ways.map((w) => w[w.length - length + i] || silence))));
  }

  // Without a stream, because too many pages have one, the numbers are asked for.
  async function poll() {
    if (!document.hidden && Date.now() - heard > POLL && document.querySelector("[data-flow]")) {
      const detail = await ask("now").catch(() => null);
      if (detail) show({ detail });
    }
    setTimeout(poll, POLL);
  }

  document.addEventListener("live", (event) => {
    heard = Date.now();
    show(event);
  });
  setTimeout(poll, PATIENCE);
  begin();
})();
