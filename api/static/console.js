// Keys, and a spoken word for what arrives by itself. Every page works without this file.

(() => {
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const link = (row) => (row.matches("a") ? row : row.querySelector("a.whole, .title a, button"));
  const current = () => document.activeElement?.closest("[data-row]");

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    link(next)?.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  // On a phone the menu is wider than the screen.
  document
    .querySelector(".rail nav [aria-current]")
    ?.scrollIntoView({ block: "nearest", inline: "center" });

  const places = { i: "/", t: "/conversations", v: "/vehicles", c: "/customers", b: "/bookings" };
  let going = false;

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("[popover]:popover-open")) return;
    const key = event.key;
    if (going) {
      going = false;
      if (places[key]) location.assign(places[key]);
      return;
    }
    if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "/") document.getElementById("q")?.focus();
    else if (key === "?") document.getElementById("keys")?.togglePopover();
    else if (key === "g") going = true;
    else if ("cdsht".includes(key)) current()?.querySelector(`[data-key="${key}"]`)?.click();
    else return;
    event.preventDefault();
  });

  // One box asks for the reason of any row; without this file the link leads to the task's page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[data-key="d"]');
    const box = document.getElementById("done");
    if (!link || !box?.showPopover || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    box.setAttribute("action", `${link.getAttribute("href")}/done`);
    box.querySelector("p").textContent = link.closest("[data-row]").querySelector(".title a").textContent;
    box.showPopover();
  });

  // A suggested answer goes into the box, to be changed; without this file its link does the same.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-fill]");
    const box = link && document.getElementById(link.dataset.fill);
    if (!box || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    box.value = link.dataset.words;
    document.getElementById("article").value = link.dataset.article;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  // How many text messages the words will need: 160 plain letters, or 70 with others.
  document.addEventListener("input", (event) => {
    const name = event.target.dataset?.count;
    if (!name) return;
    const text = event.target.value;
    const plain = /^[\n\r -~£¥èéùìòÇØøÅåÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€]*$/.test(text);
    const [one, many] = plain ? [160, 153] : [70, 67];
    const parts = text.length <= one ? 1 : Math.ceil(text.length / many);
    document.getElementById(name).textContent = text
      ? `${text.length} characters, ${parts} ${parts === 1 ? "message" : "messages"}`
      : "Consent, STOP and quiet hours are checked before it goes.";
  });

  document.addEventListener("toggle", (event) => {
    if (event.newState === "open") event.target.querySelector?.("input:not([type=hidden])")?.focus();
  }, true);

  // Nobody's open box is closed by what changes meanwhile: the page catches up when it is closed.
  const box = () => document.querySelector("[popover].ask:popover-open");
  let missed = false;
  document.addEventListener("htmx:before:swap", (event) => {
    if (event.target.id !== "main" || !box()) return;
    event.preventDefault();
    missed = true;
  });
  document.addEventListener("toggle", (event) => {
    if (event.newState !== "closed" || !missed || box()) return;
    missed = false;
    const main = document.getElementById("main");
    const path = main?.getAttribute("hx-get");
    if (path) {
      window.htmx.ajax("GET", path, {
        source: "#main", target: "#main", select: "#main", swap: "outerMorph",
        headers: { "X-Live": "1" },
      });
    }
  }, true);

  // What changed is said once, and glows for a moment.
  let known = new Set(rows().map((row) => row.id));
  document.addEventListener("htmx:after:swap", () => {
    const all = rows();
    const fresh = all.filter((row) => row.id && !known.has(row.id));
    known = new Set(all.map((row) => row.id));
    for (const row of fresh) row.classList.add("fresh");
    if (fresh.length) {
      const said = document.getElementById("said");
      if (said) said.textContent = fresh.length === 1 ? "One new task" : `${fresh.length} new tasks`;
    }
    last();
  });

  function last() {
    const talk = document.getElementById("talk");
    if (talk) talk.scrollTop = talk.scrollHeight;
  }
  last();
})();
