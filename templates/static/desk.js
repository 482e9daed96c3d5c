/* Keeps the overview fresh and copies the bundle. Every page works without it. */
(function () {
  "use strict";
  const SECONDS = 10;
  const pause = document.querySelector("[data-pause]");
  let paused = false;

  async function refresh() {
    if (paused || document.hidden) return;
    let page;
    try {
      const answer = await fetch(location.href, { headers: { "X-Pay-Bridge-Live": "1" }, cache: "no-store" });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) return;
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch (error) {
      return; // offline for a moment: the page stays as it is, with the time it is from
    }
    document.title = page.title;
    for (const old of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(old.id);
      if (!fresh || fresh.outerHTML === old.outerHTML || old.contains(document.activeElement)) continue;
      old.className = fresh.className;
      const head = old.querySelector("[role=status]");
      if (head && head.textContent === fresh.querySelector("[role=status]").textContent) {
        fresh.querySelector("[role=status]").replaceWith(head); // the same words are not announced again
      }
      old.replaceChildren(...fresh.childNodes);
    }
  }

  if (pause) {
    pause.hidden = false;
    pause.textContent = pause.dataset.pause;
    pause.addEventListener("click", function () {
      paused = !paused;
      pause.textContent = paused ? pause.dataset.resume : pause.dataset.pause;
      if (!paused) refresh();
    });
    setInterval(refresh, SECONDS * 1000);
    document.addEventListener("visibilitychange", refresh);
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async function () {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      const before = button.textContent;
      button.textContent = button.dataset.done;
      setTimeout(function () { button.textContent = before; }, 2000);
    });
  }
})();
