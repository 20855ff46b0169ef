// What makes the pages nicer where scripts run; all of it works without. No state is kept here, and nothing of a customer.
(() => {
  "use strict";

  // Times: the server writes UTC; here they become the reader's, with the exact time on hover.
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const sameYear = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
  const otherYear = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  function distance(seconds) {
    const size = Math.abs(seconds);
    if (size < 5) return "now";
    const [unit, length] = UNITS.find(([, length]) => size >= length) ?? UNITS.at(-1);
    return relative.format(Math.trunc(seconds / length), unit);
  }

  function show(time) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) return;
    const seconds = (at.getTime() - Date.now()) / 1000;
    const far = Math.abs(seconds) > 7 * 86400;
    const absolute = at.getFullYear() === new Date().getFullYear() ? sameYear : otherYear;
    const text = time.dataset.as === "distance" && !far ? distance(seconds) : absolute.format(at);
    if (time.textContent !== text) time.textContent = text;
    time.title = exact.format(at);
  }

  const showAll = (root) => root.querySelectorAll("time[datetime]").forEach(show);

  // Toasts go by themselves, unless somebody reads them with the pointer.
  function fade(toast) {
    if (toast.dataset.fades) return;
    toast.dataset.fades = "yes";
    const go = () => (toast.matches(":hover") ? setTimeout(go, 1000) : toast.remove());
    setTimeout(go, 8000);
  }

  function toast(text, bad) {
    const box = document.getElementById("toasts");
    if (!box) return;
    const line = document.createElement("p");
    line.className = bad ? "toast toast-bad" : "toast";
    line.textContent = text;
    box.append(line);
    fade(line);
  }

  // A button that was pressed shows that something happens, and cannot be pressed twice.
  function busy(form, submitter) {
    const button = submitter ?? form.querySelector("button:not([type=button])");
    button?.setAttribute("aria-busy", "true");
    form.dataset.sent = "yes";
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) return event.preventDefault();
    const question = event.submitter?.dataset.ask ?? form.dataset.ask;
    if (question && !window.confirm(question)) return event.preventDefault();
    if (form.method === "post" && !form.hasAttribute("hx-post")) busy(form, event.submitter);
  });

  // Coming back by the browser's button finds the form as it was before.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent);
    document.querySelectorAll("[aria-busy=true]").forEach((button) => button.removeAttribute("aria-busy"));
  });

  // Menus close by Escape and by a click elsewhere.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // A page that renews itself while a button is held down would swallow the click: it waits until the button is let go.
  const renewsItself = (detail) => Boolean(detail.requestConfig?.headers["X-Unattended"]);
  let held = false;
  let waiting = new Set();
  document.addEventListener("pointerdown", () => (held = true));
  for (const end of ["pointerup", "pointercancel", "dragend"]) {
    document.addEventListener(end, () =>
      setTimeout(() => {
        held = false;
        waiting.forEach((part) => htmx.trigger(part, "released"));
        waiting = new Set();
      }),
    );
  }

  // What changed while somebody was looking at it is marked for a moment; what was folded out stays so.
  const watched = () => new Set([...document.querySelectorAll("[data-watch]")].map((part) => part.dataset.watch));
  const nameOf = (details) => details.id || details.querySelector("summary")?.textContent.trim();
  let seen = new Set();
  let open = [];
  let focused = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.elt;
    if (held && renewsItself(event.detail) && part.getAttribute("hx-trigger")?.includes("released")) {
      waiting.add(part);
      event.detail.shouldSwap = false;
      return;
    }
    seen = watched();
    open = [...document.querySelectorAll("details[open]")].map(nameOf);
    focused = document.activeElement?.id;
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const details of document.querySelectorAll("details:not([open])")) {
      if (open.includes(nameOf(details))) details.open = true;
    }
    // What lay in one that was folded could not be focused again.
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
    [open, focused] = [[], ""];
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (!renewsItself(event.detail)) return;
    for (const part of document.querySelectorAll("[data-watch]")) {
      part.classList.toggle("fresh", !seen.has(part.dataset.watch));
    }
  });

  // What is wrong, in the words of the service.
  function problem(answer) {
    try {
      return JSON.parse(answer.responseText).detail;
    } catch {
      return "That did not work. Reload the page and try again.";
    }
  }

  // What htmx brought in, and what it could not.
  const prepare = (root) => {
    showAll(root);
    document.querySelectorAll(".toast").forEach(fade);
  };
  document.addEventListener("htmx:load", (event) => prepare(event.target.parentElement ?? document));
  document.addEventListener("htmx:sendError", () => toast("The service cannot be reached. Try again in a moment.", true));
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status !== 401) toast(problem(event.detail.xhr), true);
  });

  document.addEventListener("DOMContentLoaded", () => {
    prepare(document);
    setInterval(() => showAll(document), 10000);
  });
})();
