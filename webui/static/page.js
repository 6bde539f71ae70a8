// Switches without a reload and keeps the page fresh. It sends the page's own forms (those with
// data-live) and reads the page's own HTML, so everything also works without it. New HTML is
// merged into the old elements instead of replacing them: focus, scrolling and half-typed names
// stay. Other scripts hear of it by events of the document: "fresh" before new HTML is merged
// (its detail), "shown" afterwards, and "live" with each second's numbers. A script that has something
// to say sends "news".
"use strict";

(() => {
  const EVERY = 4000, SLOWEST = 15000, WHEN_TOLD = 60000, NOTICE_STAYS = 20000, AGAIN = 30000;
  const VIEWS = ["several", "device", "before"];
  const byId = (id) => document.getElementById(id);
  const still = () => document.body.hasAttribute("data-still");
  const lasting = () => { // of an address' query, what says which view it is; the rest is news
    const asked = [...new URLSearchParams(location.search)].filter(([name]) => VIEWS.includes(name));
    return asked.length ? `?${new URLSearchParams(asked)}` : "";
  };
  let here = location.pathname + lasting();
  let delay = EVERY, timer = 0, changes = Promise.resolve(), pending = 0, epoch = 0, noticeAt = 0;
  let last = "", stream = null, told = false;

  // --- merging ------------------------------------------------------------------------------
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.id === b.id;
  const preset = (select) => [...select.options].find((option) => option.defaultSelected)?.value;

  function merge(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.isEqualNode(fresh) || old.hasAttribute("data-own")) return; // data-own: another script's
    const before = old.nodeName === "SELECT" ? preset(old) : null;
    mergeAttributes(old, fresh);
    mergeChildren(old, fresh);
    if (old.nodeName === "SELECT" && preset(old) !== before) old.value = preset(old);
  }

  function mergeAttributes(old, fresh) {
    const own = (name) => old.nodeName === "DETAILS" && name === "open"; // the person's choice
    for (const { name, value } of [...fresh.attributes])
      if (!own(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes])
      if (!own(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }

  function mergeChildren(old, fresh) {
    let here = old.firstChild;
    const drop = () => {
      const gone = here;
      here = here.nextSibling;
      gone.remove();
    };
    for (const child of [...fresh.childNodes]) {
      let match = here;
      while (match && !alike(match, child)) match = match.nextSibling;
      if (match) {
        while (here !== match) drop(); // what stands between is no longer on the page
        merge(match, child);
        here = match.nextSibling;
      } else {
        old.insertBefore(child, here);
      }
    }
    while (here) drop();
  }

  // --- talking ------------------------------------------------------------------------------
  async function load({ url = here, ...rest } = {}) {
    const options = { cache: "no-store", signal: AbortSignal.timeout(20000), ...rest };
    const response = await fetch(url, options);
    const text = await response.text();
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const away = !fresh.getElementById("main") || fresh.querySelector("[data-unreachable]") !== null;
    return { fresh, text, away, ok: response.ok, url: response.redirected ? response.url : "" };
  }

  function show(fresh) {
    const focused = document.activeElement;
    document.title = fresh.title;
    localize(fresh);
    document.dispatchEvent(new CustomEvent("fresh", { detail: fresh }));
    merge(byId("top"), fresh.getElementById("top"));
    merge(byId("main"), fresh.getElementById("main"));
    const again = focused && focused.id && !focused.isConnected && byId(focused.id);
    if (again) again.focus({ preventScroll: true }); // it moved to another place of the list
    document.dispatchEvent(new Event("shown"));
  }

  // Times of day as they are where the reader is; the router may live by another clock.
  function localize(within) {
    for (const place of within.querySelectorAll("[data-until]")) {
      const at = new Date(place.dataset.until);
      const time = [at.getHours(), at.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":");
      place.textContent = place.dataset.pattern.replace("{time}", time);
    }
  }

  function stale(yes) {
    byId("stale").hidden = !yes || document.querySelector("[data-unreachable]") !== null;
  }

  function say(children, failed) {
    const notice = byId("notice");
    if (notice.contains(document.activeElement)) byId("main").focus({ preventScroll: true });
    notice.classList.toggle("failed", failed);
    notice.replaceChildren(...children);
    noticeAt = Date.now();
  }

  function tell(text, failed) {
    const toast = document.createElement("div"), line = document.createElement("p");
    toast.className = "toast";
    line.textContent = text;
    toast.append(line);
    say([toast], failed);
  }

  // --- refreshing ---------------------------------------------------------------------------
  async function refresh() {
    clearTimeout(timer);
    const asked = epoch;
    if (!document.hidden && !pending) {
      try {
        const { fresh, text, away } = await load();
        if (asked === epoch) { // else a change was made meanwhile, and this is older
          stale(away);
          if (!away && text !== last) show(fresh);
          last = away ? "" : text;
          delay = away ? Math.min(delay * 1.5, SLOWEST) : told ? WHEN_TOLD : EVERY;
        }
      } catch {
        stale(true);
        last = "";
        delay = Math.min(delay * 1.5, SLOWEST);
      }
    }
    clearTimeout(timer);
    timer = setTimeout(refresh, delay);
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, 50);
  }

  function tidy() {
    const notice = byId("notice");
    const held = notice.matches(":hover") || notice.contains(document.activeElement);
    if (noticeAt && Date.now() - noticeAt > NOTICE_STAYS && !held) {
      say([], false);
      noticeAt = 0;
    }
  }

  function deafen() {
    if (stream) stream.close();
    stream = null;
    told = false;
  }

  // One stream of news while somebody looks; a page in the background asks for nothing.
  function listen() {
    const address = document.body.dataset.events;
    if (document.hidden || still() || !address) {
      deafen();
    } else if (!stream) {
      stream = new EventSource(address);
      stream.addEventListener("open", () => { // what changed before it was there, nobody tells it
        told = true;
        soon();
      });
      stream.addEventListener("live", ({ data }) => {
        document.dispatchEvent(new CustomEvent("live", { detail: JSON.parse(data) }));
      });
      stream.addEventListener("away", () => stale(true));
      stream.addEventListener("error", () => {
        told = false;
        delay = EVERY;
        if (!stream || stream.readyState !== EventSource.CLOSED) return; // it tries again by itself
        deafen(); // too many pages listen
        setTimeout(listen, AGAIN);
      });
      stream.addEventListener("changed", soon);
    }
  }

  // --- changing -----------------------------------------------------------------------------
  async function change(form, button, body) {
    try {
      const { fresh, away, ok, url } = await load({ url: form.action, method: "POST", body });
      epoch += 1;
      if (away) throw new Error("away");
      if (ok && url) {
        here = new URL(url).pathname;
        history.replaceState(null, "", here);
      }
      last = "";
      stale(false);
      if (ok) close(form.closest(".pick, .about"));
      show(fresh);
      const notice = fresh.getElementById("notice");
      say(notice.childNodes, notice.classList.contains("failed"));
      if (ok) form.reset();
    } catch {
      stale(true);
      tell(document.body.dataset.lost, true);
    } finally {
      if (button) button.removeAttribute("aria-busy");
    }
  }

  function close(details) {
    if (!details) return;
    const held = details.contains(document.activeElement);
    details.open = false;
    if (held) details.querySelector("summary").focus({ preventScroll: true });
  }

  function midnight() { // where the reader is
    const at = new Date();
    at.setHours(24, 0, 0, 0);
    return at.toISOString().replace(/\.\d+Z/, "Z");
  }

  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (!form.hasAttribute("data-live")) return;
    event.preventDefault();
    if (button && button.getAttribute("aria-busy")) return;
    const body = new URLSearchParams(new FormData(form));
    if (button && button.name) body.set(button.name, button.value);
    if (body.get("for") === "midnight") body.set("for", midnight());
    if (button) button.setAttribute("aria-busy", "true");
    pending += 1;
    epoch += 1;
    changes = changes.then(() => change(form, button, body)).finally(() => { pending -= 1; });
  });

  // --- disclosures --------------------------------------------------------------------------
  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (details.nodeName !== "DETAILS") return;
    if (details.matches(".pick")) {
      const sheet = details.querySelector("form");
      if (details.open) sheet.scrollIntoView({ block: "nearest" });
      else sheet.reset();
    }
    const input = details.open && details.querySelector("input[name=name]");
    if (input) input.value = input.defaultValue;
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(event.target.closest(".pick[open], .about[open]"));
  });

  document.addEventListener("focusout", (event) => { // nobody tabs about behind an open sheet
    const sheet = event.target.closest(".pick[open]");
    if (sheet && event.relatedTarget && !sheet.contains(event.relatedTarget)) sheet.open = false;
  });

  localize(document);
  if (byId("notice").childElementCount) noticeAt = Date.now();
  if (location.pathname + location.search !== here) history.replaceState(null, "", here + location.hash);
  setInterval(tidy, 1000);
  if (still()) return;
  document.addEventListener("visibilitychange", () => {
    listen();
    if (!document.hidden) refresh();
  });
  document.addEventListener("outdated", refresh); // another script found that the order is
  document.addEventListener("news", ({ detail }) => tell(detail.text, detail.failed));
  addEventListener("pagehide", deafen); // a page that is kept for "back" holds no stream
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  listen();
  timer = setTimeout(refresh, EVERY);
})();
