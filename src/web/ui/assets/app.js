// What makes the pages nicer where scripts run; all of it works without. Nothing of a customer is kept but what
// was searched for, until one signs in anew.
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
    toast.onclick = () => toast.remove();
    setTimeout(go, toast.matches(".toast-bad") ? 20000 : 8000);
  }

  // Of two messages about the same the later one stays.
  function replaceOlder() {
    const toasts = [...document.querySelectorAll(".toast[data-subject]")];
    const isOlder = (toast, at) => toasts.slice(at + 1).some((later) => later.dataset.subject === toast.dataset.subject);
    toasts.filter(isOlder).forEach((toast) => toast.remove());
  }

  function put(toast) {
    document.getElementById("toasts")?.append(toast);
    fade(toast);
    replaceOlder();
  }

  function toast(text, bad) {
    const line = document.createElement("p");
    line.className = bad ? "toast toast-bad" : "toast";
    line.textContent = text;
    put(line);
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
    // What was typed meanwhile is part of the address.
    if (form.closest(".bar") && form.elements.back) form.elements.back.value = location.pathname + location.search;
    const leads = form.method === "post" && !form.hasAttribute("hx-post");
    if (form.hasAttribute("data-careful")) sendCarefully(event, form);
    else if (leads && document.body.classList.contains("lost")) return hold(event);
    if (leads) {
      busy(form, event.submitter);
      leave(event.submitter);
    }
  });

  // Without the service, the browser would lead to an error page of its own.
  function hold(event) {
    event.preventDefault();
    toast(`Nothing was sent. ${document.getElementById("unheard").textContent}`, true);
  }

  // Of a list of things to decide about, where something is. Once it is gone, the focus goes to what has its place: not to its
  // button, which would do the same to something else.
  const ITEM = "[data-item]";
  const placeOf = (part) => [...document.querySelectorAll(ITEM)].indexOf(part?.closest(ITEM));
  function itemAt(place) {
    const items = [...document.querySelectorAll(ITEM)];
    return place < 0 ? undefined : (items[place] ?? items.at(-1));
  }

  // A form that leads back to the page it was sent from finds it where it was.
  const LEFT = "customer-sync-left";
  const here = () => `${location.pathname} ${document.title}`;
  function leave(submitter) {
    const left = { page: here(), top: window.scrollY, focus: submitter?.id, place: placeOf(submitter) };
    sessionStorage.setItem(LEFT, JSON.stringify(left));
  }
  function comeBack() {
    const left = JSON.parse(sessionStorage.getItem(LEFT) ?? "{}");
    sessionStorage.removeItem(LEFT);
    if (left.page !== here() || document.querySelector("main [role=alert]")) return;
    const next = document.getElementById(left.focus) ?? itemAt(left.place) ?? document.getElementById("content");
    next.focus({ preventScroll: true });
    window.scrollTo({ top: left.top, behavior: "instant" });
  }

  // What was sent can be sent once more.
  function unsend() {
    document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent);
    document.querySelectorAll("[aria-busy=true]").forEach((button) => button.removeAttribute("aria-busy"));
  }

  // Coming back by the browser's button finds the form as it was before.
  window.addEventListener("pageshow", unsend);

  // A long form is not sent into a session that is over, nor to a service that is away: what was typed would be lost.
  async function sendCarefully(event, form) {
    event.preventDefault();
    const answer = await fetch("/api/session").catch(() => null);
    if (answer?.ok) {
      // Whoever signed in anew meanwhile, in another tab, has another proof.
      form.elements.csrf.value = (await answer.json()).data.csrf_token;
      return form.submit();
    }
    unsend();
    const out = answer?.status === 401;
    const why = out ? "You are signed out. Sign in in another tab" : "The service cannot be reached. Wait a moment";
    toast(`${why}, then save here again: what you typed stays.`, true);
  }

  // Menus close by Escape, and when one goes elsewhere.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  for (const elsewhere of ["click", "focusin"]) {
    document.addEventListener(elsewhere, (event) => {
      document.querySelectorAll("details.menu[open]").forEach((menu) => {
        if (!menu.contains(event.target)) menu.open = false;
      });
    });
  }

  // The way back leads to the list as it was left: searched, filtered, on its page; also after an edit in between.
  function leadBack(crumb) {
    const list = `customer-sync-list ${crumb.pathname}`;
    const from = document.referrer && new URL(document.referrer);
    const isFrom = from && from.origin === location.origin && from.pathname === crumb.pathname;
    if (isFrom) sessionStorage.setItem(list, from.href);
    crumb.href = sessionStorage.getItem(list) ?? crumb.href;
  }

  // Where a page may copy for its reader (over https, or on one's own machine).
  function offerCopy(button) {
    button.hidden = !navigator.clipboard;
    button.onclick = () => navigator.clipboard.writeText(button.dataset.copy).then(() => toast("Copied.", false));
  }

  // What htmx brought in, and what it could not.
  const prepare = (root) => {
    showAll(root);
    document.querySelectorAll(".toast").forEach(fade);
    document.querySelectorAll(".crumb a").forEach(leadBack);
    document.querySelectorAll("[data-copy]").forEach(offerCopy);
    replaceOlder();
  };
  document.addEventListener("htmx:load", (event) => prepare(event.target.parentElement ?? document));
  document.addEventListener("DOMContentLoaded", () => {
    // What one reader looked for is none of the next one's business.
    if (document.querySelector('[action="/sign-in"]')) sessionStorage.clear();
    prepare(document);
    comeBack();
    const once = document.querySelector("[data-once]");
    if (once) history.replaceState(history.state, "", once.dataset.once);
    setInterval(() => showAll(document), 10000);
  });

  // For the other script.
  window.customerSync = { itemAt, placeOf, put, showAll, toast };
})();
