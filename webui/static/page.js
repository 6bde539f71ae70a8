// Switches without a reload and keeps the page fresh. It sends the page's own forms and reads
// the page's own HTML, so everything also works without it. New HTML is merged into the old
// elements instead of replacing them: focus, scrolling and half-typed names stay.
"use strict";

(() => {
  const EVERY = 4000, SLOWEST = 15000, NOTICE_STAYS = 60000;
  const byId = (id) => document.getElementById(id);
  let delay = EVERY, timer = 0, changes = Promise.resolve(), pending = 0, epoch = 0, noticeAt = 0;

  // --- merging ------------------------------------------------------------------------------
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.id === b.id;

  function merge(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    mergeAttributes(old, fresh);
    mergeChildren(old, fresh);
    if (old.nodeName === "SELECT" && document.activeElement !== old) old.value = fresh.value;
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
    for (const child of [...fresh.childNodes]) {
      let match = here;
      while (match && !alike(match, child)) match = match.nextSibling;
      if (match) {
        while (here !== match) { // what stands between is no longer on the page
          const gone = here;
          here = here.nextSibling;
          gone.remove();
        }
        merge(match, child);
        here = match.nextSibling;
      } else {
        old.insertBefore(child, here);
      }
    }
    while (here) {
      const gone = here;
      here = here.nextSibling;
      gone.remove();
    }
  }

  // --- talking ------------------------------------------------------------------------------
  async function load(options) {
    const home = document.querySelector(".brand").href;
    const { url = home, ...rest } = options;
    const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(20000), ...rest });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const away = !fresh.getElementById("main") || fresh.querySelector("[data-unreachable]") !== null;
    return { fresh, away, ok: response.ok };
  }

  function show(fresh) {
    const focused = document.activeElement;
    document.title = fresh.title;
    merge(byId("top"), fresh.getElementById("top"));
    merge(byId("main"), fresh.getElementById("main"));
    const again = focused && focused.id && !focused.isConnected && byId(focused.id);
    if (again) again.focus({ preventScroll: true }); // it moved to another place of the list
  }

  function stale(yes) {
    byId("stale").hidden = !yes || document.querySelector("[data-unreachable]") !== null;
    document.body.classList.toggle("old", yes);
  }

  function say(text, failed) {
    const notice = byId("notice"), line = document.createElement("p");
    line.textContent = text;
    notice.classList.toggle("failed", failed);
    notice.replaceChildren(...(text ? [line] : []));
    noticeAt = Date.now();
  }

  // --- refreshing ---------------------------------------------------------------------------
  async function refresh() {
    clearTimeout(timer);
    const asked = epoch;
    if (!document.hidden && !pending) {
      try {
        const { fresh, away } = await load({});
        if (asked === epoch) { // else a change was made meanwhile, and this is older
          stale(away);
          if (!away) show(fresh);
          delay = away ? Math.min(delay * 1.5, SLOWEST) : EVERY;
        }
      } catch {
        stale(true);
        delay = Math.min(delay * 1.5, SLOWEST);
      }
      if (noticeAt && Date.now() - noticeAt > NOTICE_STAYS) say("", false);
    }
    clearTimeout(timer);
    timer = setTimeout(refresh, delay);
  }

  // --- changing -----------------------------------------------------------------------------
  async function change(form, button, body) {
    try {
      const { fresh, away, ok } = await load({ url: form.action, method: "POST", body });
      epoch += 1;
      if (away) throw new Error("away");
      show(fresh);
      stale(false);
      say(fresh.getElementById("notice").textContent.trim(), !ok);
      if (ok && form.dataset.live === "rename") close(form);
    } catch {
      stale(true);
      say("The router does not answer, so this may not have been done. Please try again.", true);
    } finally {
      if (button) button.removeAttribute("aria-busy");
    }
  }

  function close(form) {
    const details = form.closest("details");
    const held = details.contains(document.activeElement);
    details.open = false;
    if (held) details.querySelector("summary").focus();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (!form.dataset.live) return;
    event.preventDefault();
    if (button && (button.getAttribute("aria-pressed") === "true" || button.getAttribute("aria-busy"))) return;
    const body = new URLSearchParams(new FormData(form));
    if (button && button.name) body.set(button.name, button.value);
    if (button) button.setAttribute("aria-busy", "true");
    pending += 1;
    epoch += 1;
    changes = changes.then(() => change(form, button, body)).finally(() => { pending -= 1; });
  });

  // Opening "Rename" starts with the name as it is, selected.
  document.addEventListener("toggle", (event) => {
    const input = event.target.open && event.target.querySelector("input[name=name]");
    if (!input) return;
    input.value = input.defaultValue;
    input.focus();
    input.select();
  }, true);

  document.addEventListener("keydown", (event) => {
    const details = event.key === "Escape" && event.target.closest("details.rename[open]");
    if (details) close(details.querySelector("form"));
  });

  if (document.querySelector("[data-still]")) return;
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  if (byId("notice").textContent.trim()) {
    noticeAt = Date.now();
    history.replaceState(null, "", document.querySelector(".brand").href);
  }
  timer = setTimeout(refresh, EVERY);
})();
