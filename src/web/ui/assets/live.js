// What keeps a page up to date: it hears what happens, reads the parts anew that it is about, and says when it hears nothing.
(() => {
  "use strict";

  const { itemAt, placeOf, put, showAll, toast } = window.customerSync;

  // ---- Parts that renew themselves (each has an hx-get, and `released` among its triggers)

  const RENEWING = "[hx-trigger*=released]";
  const renewsItself = (detail) => Boolean(detail.requestConfig?.headers["X-Unattended"]);
  const renew = (part) => htmx.trigger(part, "released");

  // A part whose address became another meanwhile (somebody typed on) would go back to the old question.
  const isOfElsewhere = ({ elt, pathInfo }) => elt.getAttribute("hx-get") === "" && pathInfo.requestPath !== location.href;

  // One that is renewed while a button is held down would swallow the click, and a text that is just marked would be lost.
  const SELECTING = 30000;
  let pressed = false;
  let selected = 0;
  let waiting = new Set();
  const isInUse = (part) => {
    const selection = document.getSelection();
    const marked = !selection.isCollapsed && part.contains(selection.anchorNode);
    return pressed || (marked && Date.now() - selected < SELECTING);
  };
  const release = () => {
    const parts = waiting;
    waiting = new Set();
    parts.forEach(renew);
  };
  document.addEventListener("pointerdown", () => (pressed = true));
  for (const end of ["pointerup", "pointercancel", "dragend"]) {
    document.addEventListener(end, () =>
      setTimeout(() => {
        pressed = false;
        release();
      }),
    );
  }
  document.addEventListener("selectionchange", () => {
    selected = Date.now();
    if (document.getSelection().isCollapsed && !pressed) release();
  });

  // What was folded out stays so, and the focus stays where it was: on what has the same id, or else leads and reads the same.
  const nameOf = (details) => details.id || details.querySelector("summary")?.textContent.trim();
  const looksOf = (part) => [part.tagName, part.getAttribute("href"), part.form?.action, part.textContent.trim()].join(" ");
  let open = [];
  let focus = null;
  function keep() {
    open = [...document.querySelectorAll("details[open]")].map(nameOf);
    const active = document.activeElement;
    const home = active?.closest(RENEWING);
    focus = home && { id: active.id, looks: looksOf(active), place: placeOf(active), home };
  }
  function restore() {
    for (const details of document.querySelectorAll("details:not([open])")) {
      if (open.includes(nameOf(details))) details.open = true;
    }
    if (focus && document.activeElement === document.body) {
      const all = [...focus.home.querySelectorAll("a, button, summary, input, select")];
      const same = focus.id ? document.getElementById(focus.id) : all.find((part) => looksOf(part) === focus.looks);
      // A button may have given way to another one.
      const next = same ?? (focus.home.hasAttribute("data-keeps-focus") ? all.find((part) => part.matches("button")) : null);
      (next ?? itemAt(focus.place))?.focus({ preventScroll: true });
    }
    [open, focus] = [[], null];
  }

  // What changed while somebody was looking at it is marked for a moment, however often the part is renewed meanwhile.
  const MOMENT = 4000;
  const watched = () => new Set([...document.querySelectorAll("[data-watch]")].map((part) => part.dataset.watch));
  let seen = new Set();
  const arrived = new Map();
  // At once: until the page has settled, it may have been renewed again.
  function note() {
    arrived.forEach((at, watch) => Date.now() - at > MOMENT && arrived.delete(watch));
    for (const watch of watched()) {
      if (!seen.has(watch) && !arrived.has(watch)) arrived.set(watch, Date.now());
    }
  }
  function mark(part) {
    const age = Date.now() - (arrived.get(part.dataset.watch) ?? 0);
    part.classList.toggle("fresh", age < MOMENT);
    part.style.animationDelay = age < MOMENT ? `-${age}ms` : "";
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { detail } = event;
    if (renewsItself(detail) && (isInUse(detail.elt) || isOfElsewhere(detail))) {
      detail.shouldSwap = false;
      if (isInUse(detail.elt)) waiting.add(detail.elt);
      else renew(detail.elt);
      return;
    }
    seen = watched();
    keep();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (renewsItself(event.detail)) note();
    showAll(document);
    restore();
    followSync();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (!renewsItself(event.detail)) return;
    if (!lost) tell("");
    document.querySelectorAll("[data-watch]").forEach(mark);
  });

  // Who watched a sync is told what came of it, also where they went on to meanwhile.
  const WATCHED = "customer-sync-watched";
  const watch = (run) => (run ? sessionStorage.setItem(WATCHED, run) : sessionStorage.removeItem(WATCHED));
  const goingOn = (page) => page.querySelector("#sync-watching")?.value;
  async function followSync() {
    if (goingOn(document)) watch(goingOn(document));
    const watched = sessionStorage.getItem(WATCHED);
    if (!watched || goingOn(document)) return;
    if (document.querySelector(`[data-subject="run-${watched}"]`)) return watch(null);
    const answer = await ask(`/sync?watching=${watched}`);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const told = page.querySelector(".toast");
    if (told) put(told);
    watch(goingOn(page));
  }

  // ---- What happens, as the service tells it (server-sent events)

  const EVENTS = ["moved", "run", "change", "customer", "webhook"];
  const AGAIN = 3000;
  const OUT = "You are signed out. Sign in in another tab, and go on here: what you typed stays.";
  const LOST = "No connection to the service. What you see may be old; it renews itself once there is one.";
  const OLD = "This page could not be read anew, so what you see may be old. It is tried again by itself.";
  const tell = (text) => (document.getElementById("unheard").textContent = text);
  let source = null;
  let again = 0;
  let missed = false;
  let lost = 0;
  let out = false;
  let unanswered = null;

  function listen() {
    source = new EventSource(document.body.dataset.live);
    source.onopen = hear;
    source.onerror = lose;
    source.addEventListener("standing", ({ data }) => {
      document.getElementById("standing").innerHTML = data;
      askAgain();
    });
    source.addEventListener("run", followSync);
    for (const name of EVENTS) {
      source.addEventListener(name, () => document.querySelectorAll(`[hx-trigger*="live:${name}"]`).forEach((part) => htmx.trigger(part, `live:${name}`)));
    }
  }

  function hear() {
    clearTimeout(lost);
    lost = 0;
    lostIs(false);
    askAgain();
    if (missed) document.querySelectorAll(RENEWING).forEach(renew);
    missed = false;
  }

  function lose() {
    missed = true;
    lost ||= setTimeout(() => lostIs(true), AGAIN);
    // Browsers go on by themselves after a broken connection, and give up after a refusal.
    if (source.readyState !== EventSource.CLOSED) return;
    again = setTimeout(listen, AGAIN);
    leaveIfSignedOut();
  }

  function lostIs(so) {
    tell(so ? (out ? OUT : LOST) : "");
    document.body.classList.toggle("lost", so);
  }

  // Whoever was signed out elsewhere is led to the sign-in page, unless something was typed here.
  async function leaveIfSignedOut() {
    const answer = await ask("/sync");
    out = answer?.status === 401;
    if (!out) return;
    if (document.querySelector("[data-careful]")) lostIs(true);
    else location.reload();
  }

  // As a part that renews itself asks.
  const ask = (address) => fetch(address, { headers: { "HX-Request": "true", "X-Unattended": "yes" } }).catch(() => null);

  // A search that failed is asked again by itself; what changes something is not.
  function askAgain() {
    if (unanswered) htmx.trigger(unanswered, "submit");
    unanswered = null;
  }
  const remember = (detail) => detail.requestConfig.verb === "get" && (unanswered = detail.elt);

  // A browser has few connections for one service: a page that nobody looks at does not hold one.
  function followVisibility() {
    clearTimeout(again);
    source?.close();
    if (document.hidden) missed = true;
    else listen();
  }

  // ---- What fails. A part that renews itself is silent: nobody asked for it, and it tries again.

  // What is wrong, in the words of the service.
  function problem(answer) {
    try {
      const { detail } = JSON.parse(answer.responseText);
      return `${detail[0].toUpperCase()}${detail.slice(1)}`.replace(/[.]?$/, ".");
    } catch {
      return "That did not work. Reload the page and try again.";
    }
  }

  document.addEventListener("htmx:sendError", ({ detail }) => {
    if (renewsItself(detail)) return;
    toast("The service cannot be reached. Try again in a moment.", true);
    remember(detail);
  });
  document.addEventListener("htmx:responseError", ({ detail }) => {
    const { status } = detail.xhr;
    if (renewsItself(detail)) {
      tell(OLD);
      if (status >= 500) setTimeout(renew, AGAIN, detail.elt);
      return;
    }
    if (status !== 401) toast(problem(detail.xhr), true);
    if (status >= 500) remember(detail);
  });

  document.addEventListener("DOMContentLoaded", () => {
    if (!document.body.dataset.live) return;
    document.addEventListener("visibilitychange", followVisibility);
    followSync();
    if (!document.hidden) listen();
    else missed = true;
  });
})();
