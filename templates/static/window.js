/* Opens a gateway's window by the gateway's own script. All it knows is data of the page: nothing is evaluated. */
(function () {
  "use strict";
  const AGAIN_MS = 3000;
  let lost = false;
  addEventListener("error", (event) => { lost = lost || event.target.nodeName === "SCRIPT"; }, true);

  function say(words) {
    document.getElementById("window-state").textContent = words;
  }

  function find(name) {
    let owner = window;
    let found = window;
    for (const part of name.split(".")) {
      owner = found;
      found = found == null ? undefined : found[part];
    }
    return typeof found === "function" ? found.bind(owner) : null;
  }

  function bring(form, result) {
    const back = document.createElement("form");
    back.method = "post";
    back.action = form.dataset.back;
    for (const [name, value] of Object.entries(result || {})) {
      if (value === null || typeof value === "object") continue;
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = String(value);
      back.append(field);
    }
    document.body.append(back);
    HTMLFormElement.prototype.submit.call(back);
  }

  function argumentOf(form) {
    if (form.dataset.argument === "form") return form;
    if (form.dataset.argument === "form_id") return form.id;
    const fields = Object.fromEntries(new FormData(form));
    if (form.dataset.callback) fields[form.dataset.callback] = (result) => bring(form, result);
    return fields;
  }

  /* Functions of ours that the gateway's script calls by name when its window is done, or was closed. */
  function offer(form) {
    for (const pair of form.dataset.functions.trim().split(/\s+/).filter(Boolean)) {
      const [name, reaction] = pair.split("=");
      window[name] = () => {
        if (reaction === "close") return location.assign(form.dataset.close);
        if (reaction !== "return") return find(reaction)();
        form.action = form.dataset.back;
        form.target = "_self";
        HTMLFormElement.prototype.submit.call(form);
      };
    }
  }

  /* The gateway's script did not come, or is another: only a new page asks for it again. */
  function admit(form) {
    const title = document.getElementById("title");
    title.textContent = title.dataset.lost;
    document.title = title.dataset.lost;
    document.getElementById("window-hint").hidden = true;
    document.getElementById("window-open").onclick = () => location.reload();
    offerAnotherWay(form.dataset.sayLost);
    navigator.sendBeacon(form.dataset.notLoaded);
  }

  function open(form) {
    const call = find(form.dataset.function);
    if (!call || lost) return admit(form);
    try {
      call(argumentOf(form));
      say(form.dataset.sayOpen);
    } catch (error) {
      say(form.dataset.sayBlocked);
    }
  }

  /* The gateway did not let its script open the window: the buyer goes on by trying again, or by another way. */
  function offerAnotherWay(words) {
    const leave = document.getElementById("window-leave");
    const again = document.getElementById("window-open");
    say(words);
    again.textContent = again.dataset.again;
    leave.textContent = leave.dataset.other;
  }

  async function follow(form) {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      try {
        const answer = await fetch(form.dataset.status, { cache: "no-store" });
        const told = await answer.json();
        if (answer.ok && told.state !== "open" && told.state !== "approving") return location.replace(told.result_url);
        if (answer.ok && told.window === "refused") offerAnotherWay(told.message_ko);
      } catch (error) {
        continue; // offline for a moment
      }
    }
  }

  addEventListener("load", () => {
    const form = document.querySelector("form[data-window]");
    form.dataset.back = form.getAttribute("action"); // the gateway's script may point the form elsewhere
    offer(form);
    const button = document.getElementById("window-open");
    button.hidden = false;
    button.onclick = () => open(form);
    open(form);
    follow(form);
  });
})();
