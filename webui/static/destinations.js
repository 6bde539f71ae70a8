// A VPN's file can be dropped anywhere on the view; its name becomes the way's, and a file that
// can't be one is refused before it is sent.
"use strict";

// How a trial ended is said when it ends, wherever on the view somebody reads meanwhile.
document.addEventListener("fresh", ({ detail }) => {
  for (const trial of document.querySelectorAll(".trial.tried")) {
    const now = detail.getElementById(trial.id);
    if (!now || now.classList.contains("tried")) continue;
    const failed = now.classList.contains("trial");
    const text = failed ? trial.dataset.fails : trial.dataset.works;
    document.dispatchEvent(new CustomEvent("news", { detail: { text, failed } }));
  }
});

(() => {
  const form = document.getElementById("add-form");
  if (!form) return;
  const { file, way: name } = form.elements;
  const zone = document.getElementById("add-zone"), said = document.getElementById("add-file-name");
  const problem = document.getElementById("add-file-problem");
  const limit = Number(form.dataset.limit);
  let suggested = name.value === "";

  const suggestion = (path) => path.replace(/\.[^.]*$/, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, name.maxLength).replace(/-+$/, "");

  function chosen() {
    const one = file.files[0];
    said.textContent = one ? one.name : said.dataset.none;
    zone.classList.toggle("filled", Boolean(one));
    const large = Boolean(one) && one.size > limit;
    problem.hidden = !large;
    file.setCustomValidity(large ? problem.textContent : "");
    file.setAttribute("aria-invalid", String(large));
    if (one && suggested) name.value = suggestion(one.name);
  }

  function over(event) {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    zone.classList.toggle("over", event.type === "dragover");
  }

  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    over(event);
    if (!event.dataTransfer.files.length) return;
    file.files = event.dataTransfer.files;
    form.closest("details").open = true;
    chosen();
    name.focus();
    form.scrollIntoView({ block: "nearest" });
  });
  file.addEventListener("change", chosen);
  name.addEventListener("input", () => { suggested = name.value === ""; });
  form.addEventListener("submit", () => form.querySelector("button").setAttribute("aria-busy", "true"));
})();
