// Copies a new key. Over plain HTTP browsers keep their clipboard from pages, so the key is
// selected and copied as by hand.
"use strict";

(() => {
  const button = document.getElementById("copy"), secret = document.getElementById("secret");
  if (!button) return;
  // The answer to a form: looked at anew, it would be sent anew, and make another key.
  history.replaceState(null, "", "/settings");
  button.hidden = false;
  button.addEventListener("click", () => {
    const chosen = getSelection();
    chosen.selectAllChildren(secret);
    if (document.execCommand("copy")) button.querySelector("span").textContent = button.dataset.copied;
  });
})();
