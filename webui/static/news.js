// Listens to the router while somebody looks at the page, and tells the other scripts by events of
// the document: news:open, news:live (with the numbers), news:changed, news:away, news:closed.
"use strict";

(() => {
  const AGAIN = 30000; // after a refusal, when too many pages listen already
  let source = null, timer = 0;

  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`news:${name}`, { detail }));

  function close() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  }

  function open() {
    close();
    if (document.hidden) return;
    const mine = source = new EventSource("/events");
    mine.addEventListener("open", () => tell("open"));
    mine.addEventListener("live", (event) => tell("live", JSON.parse(event.data)));
    mine.addEventListener("changed", () => tell("changed"));
    mine.addEventListener("away", () => tell("away"));
    mine.addEventListener("error", () => {
      if (mine !== source) return;
      tell("closed");
      if (mine.readyState === EventSource.CLOSED) { // else the browser tries again by itself
        close();
        timer = setTimeout(open, AGAIN);
      }
    });
  }

  document.addEventListener("visibilitychange", open);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
})();
