// What the pages need of the browser itself.
//
// Back: Streamlit adds an entry to the browser's history whenever the address's query changes, which here is at every setting. It
// would return to the same page with other words in the address bar, and at once be sent forward again. So a change within a page
// replaces its entry, and Back goes to the page before. "Open in the lab" begins a new chapter (`chapter`: its name, which each
// entry keeps in its state; one that was made before this was here is of the `first`). Back across its beginning asks the server
// for the settings of the other one (`back`), once the page before is there. Who goes back and forward faster than the server
// answers has `wanted` (the chapter of the entry that is there now) and `asked` (the one asked for last) apart for a while. While the
// browser `travels`, until the page of that entry is there or something is clicked, late messages of other pages add no entry.
//
// Menus: what opens under a button stands at the document's end, 25 Tabs away. Opened by a key, it gets the focus.
//
// Locks: a page's own controls that a lesson locks (`locked`: a selector) can be neither clicked nor reached by keys.
//
// Run list: a server that starts again, or a page that is loaded again, begins a session anew, without its runs. The tab keeps
// their names and settings (`shelf`), and gives those of another session (`viewer`) back once (`told`).
//
// Menu: in a narrow window it lies over the page, and Streamlit closes it after a choice on phones alone, which it knows by their
// name. A press beside it closes it everywhere: a new page (`page`: its name) begins with one.
function keepBack({ chapter, first, page }, send) {
  const now = history.rnnkit;
  if (now) {
    if (now.travels && page !== (location.pathname.split("/").at(-1) || "start")) return;       // still the page that is left
    Object.assign(now, { chapter, travels: false });
    if (now.asked === chapter) now.asked = null;                                              // answered
    if (now.wanted?.split("-")[0] !== chapter.split("-")[0]) now.wanted = null;               // of a session before
    if (now.wanted && now.wanted !== chapter) {
      if (now.asked !== now.wanted) send("back", now.asked = now.wanted);
      return;
    }
    if (!now.asked) now.wanted = null;     // else the answer to an earlier Back is still on its way, and will have to be undone
    if (history.state?.chapter !== chapter) history.replaceState({ ...history.state, chapter }, "");
    return;
  }
  const kept = history.rnnkit = { chapter, wanted: null, asked: null, travels: false };
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  history.pushState = (state, title, url) => {
    const same = new URL(url ?? "", location.href).pathname === location.pathname;
    if (!same && kept.travels) return;                                                       // of the page that is left
    if (!same) kept.wanted = kept.asked = null;
    (same ? replace : push)({ ...state, chapter: kept.wanted ?? kept.chapter }, title, url);
  };
  history.replaceState = (state, title, url) => replace({ chapter: kept.chapter, ...state }, title, url);
  addEventListener("popstate", ({ state }) => Object.assign(kept, { wanted: state?.chapter ?? first, travels: true }));
  addEventListener("click", () => { kept.travels = false; }, true);
  history.replaceState(history.state, "");
}

function enterMenus() {
  if (document.rnnkit) return;
  document.rnnkit = true;
  document.addEventListener("click", ({ target, detail }) => {
    const button = detail === 0 && target.closest("button[aria-haspopup=dialog]");       // 0: no pointer, but a key
    const enter = tries => {
      const dialog = button.getAttribute("aria-expanded") === "true" && [...document.querySelectorAll("[role=dialog]")].at(-1);
      const inside = dialog && dialog.querySelector("button:enabled, input:enabled, a[href], [tabindex='0']");
      if (inside) inside.focus();
      else if (tries) setTimeout(enter, 50, tries - 1);
    };
    if (button) setTimeout(enter, 50, 40);
  });
}

function closeMenu(page, element) {
  const before = history.rnnkit;
  if (before.page && before.page !== page) element.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, composed: true }));
  before.page = page;
}

function keepShelf({ viewer, shelf, told }, send) {
  try {
    const kept = JSON.parse(sessionStorage.getItem("rnnkit-shelf") ?? "null");
    if (kept?.shelf && kept.viewer !== viewer && !told) send("shelf", kept.shelf);
    else sessionStorage.setItem("rnnkit-shelf", JSON.stringify({ viewer, shelf }));
  } catch { /* a browser that keeps nothing */ }
}

export default function ({ data, parentElement, setTriggerValue }) {
  keepBack(data, setTriggerValue);
  closeMenu(data.page, parentElement.host ?? parentElement);
  enterMenus();
  keepShelf(data, setTriggerValue);
  const { locked } = data;
  if (!locked) return;
  const lock = () => document.querySelectorAll(locked).forEach(element => { element.inert = true; });
  const watch = new MutationObserver(lock);
  lock();
  watch.observe(document.body, { childList: true, subtree: true });
  return () => watch.disconnect();
}
