/* The tour's keys, and scrolling to what it points at. A clicker for slides sends PageDown and PageUp: on and back, wherever the
   focus is, except in a text of several lines or an open menu; Escape and the digits not from any field. Streamlit's own shortcuts
   would not do: Escape would leave the tour also from an open menu or a field, a held key would run through the stations, and a
   slider or a field that was used last would keep PageDown to itself.
   Keys press the panel's own buttons, so that there is one way on; a key whose button is not there does nothing. */

const KEYS = {                                               // key -> key of a button, @ the station
  PageDown: "tour_next_@", PageUp: "tour_back_@", Escape: "tour_leave_@",
  1: "tour_answer_@_0", 2: "tour_answer_@_1", 3: "tour_answer_@_2", 4: "tour_answer_@_3",
};
const OPEN = "[role=listbox], [role=dialog], [role=menu]", TIP = ".tip:not([hidden])";
const PATIENCE = 15000;                                      // ms that a place may take to appear
const SETTLED = 6000;                                        // ms in which the page above a place may still grow
const BY_HAND = ["wheel", "touchmove", "pointerdown"];       // then the viewer scrolls
const find = (key, kind = " button") => document.querySelector(`.st-key-${key}${kind}`);
let now = null;                                              // the mounted component; there is one tour a page

export default function ({ data, parentElement }) {
  if (!now) window.addEventListener("keydown", pressed, true);                                // before any part of the page
  if (!now) for (const type of BY_HAND) window.addEventListener(type, letGo, { capture: true, passive: true });
  const before = now?.moment;
  now = { ...now, root: parentElement, moment: data.moment };
  if (before === data.moment) return leave;
  const station = moment => moment?.replace(/\.\w+$/, "");
  if (station(before) !== station(data.moment)) toTop(parentElement);
  document.documentElement.dataset.tour = data.moment;       // where the keys are now, for whoever looks from outside
  go(data.selector, performance.now());
  return leave;
}

function toTop(root) {                                       // whatever the page scrolls in
  for (let at = root.host ?? root; at; at = at.parentElement) at.scrollTop = 0;
}

function leave() {
  delete document.documentElement.dataset.tour;
  window.removeEventListener("keydown", pressed, true);
  for (const type of BY_HAND) window.removeEventListener(type, letGo, { capture: true });
  clearTimeout(now?.timer);
  now = null;
}

function pressed(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !KEYS[event.key] || busy(event)) return;
  const [, at, is] = now.moment.split(".");                    // buttons of before can still stand there while the page is drawn
  if (/\d/.test(event.key) && is !== "asked") return;
  const button = find((is === "asked" && event.key === "PageDown" ? "tour_show_@" : KEYS[event.key]).replace("@", at));
  if (!button) return;
  event.preventDefault();                                    // else the page would scroll as well
  event.stopImmediatePropagation();
  button.click();
}

function busy(event) {                                       // the key belongs to a field, to an open menu, or to a tip
  const target = event.composedPath()[0], pages = event.key.startsWith("Page");
  if (target.closest?.("textarea, [contenteditable=true]") || document.querySelector(OPEN)) return true;
  if (pages || !target.closest) return false;
  const field = target.closest("input, select"), types = field && !["range", "checkbox", "radio", "button"].includes(field.type);
  return Boolean(types || event.key === "Escape" && target.getRootNode() !== document && target.getRootNode().querySelector(TIP));
}

function go(selector, since) {                               // what is pointed at may come later than the panel
  clearTimeout(now.timer);
  const place = selector ? document.querySelector(selector) : null;
  place?.closest("details:not([open])")?.querySelector("summary").click();                    // it is folded away
  if (selector && !place?.offsetHeight && performance.now() - since < PATIENCE)
    now.timer = setTimeout(() => now && go(selector, since), 200);
  const panel = find("tour_panel", "")?.parentElement, stays = panel && getComputedStyle(panel).position === "sticky";
  if (!place?.offsetHeight || !stays) return;                // on a phone the question would be scrolled away
  show(place, panel, performance.now() + SETTLED);
  focusWithin(place);
}

function show(place, panel, until) {                         // below the panel, its top first where it is higher than the room there
  if (!now || performance.now() > until || !place.isConnected) return;
  const top = panel.getBoundingClientRect().bottom + 12, box = place.getBoundingClientRect(), high = box.height > innerHeight - top;
  if (box.top < top - 4 || (high ? box.top > top + 40 : box.bottom > innerHeight)) {
    place.style.scrollMargin = `${top}px 1rem 2rem`;
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    place.scrollIntoView({ block: high ? "start" : "nearest", behavior });
  }
  now.timer = setTimeout(show, 400, place, panel, until);
}

function letGo() { clearTimeout(now?.timer); }

function focusWithin(place) {                                // so that the arrow keys which a station names work at once
  const free = document.activeElement === document.body || find("tour_panel", "")?.contains(document.activeElement);
  const drawings = [place, ...place.querySelectorAll("*")].flatMap(e => [e, ...(e.shadowRoot?.querySelectorAll("[role=group]") ?? [])]);
  if (free) drawings.find(e => e.matches("[role=group][tabindex='0']"))?.focus({ preventScroll: true });
}
