// What the pages need of the browser itself.
//
// Back: Streamlit adds an entry to the browser's history whenever the address's query changes, which here is at every setting. It
// would return to the same page with other words in the address bar, and at once be sent forward again. So a change within a page
// replaces its entry, and Back goes to the page before. "Open in the lab" begins a new chapter (`chapter`: its number, which each
// entry keeps in its state): Back across it tells the server, by back=<chapter> in the address, whose settings to bring back.
// The listener captures, so that Streamlit, which then asks the server for the page of the address, reads it with that.
//
// Locks: a page's own controls that a lesson locks (`locked`: a selector) can be neither clicked nor reached by keys.
//
// Shelf: a server that starts again, or a page that is loaded again, begins a session anew, without its shelf of runs. The tab keeps
// their names and settings (`shelf`), and gives those of another session (`viewer`) back once (`told`).
function keepBack(chapter) {
  if (history.state?.chapter !== chapter) history.replaceState({ ...history.state, chapter }, "");
  if (history.rnnkit) {
    history.rnnkit.chapter = chapter;
    return;
  }
  const now = history.rnnkit = { chapter }, push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  history.pushState = (state, title, url) => {
    const same = new URL(url ?? "", location.href).pathname === location.pathname;
    (same ? replace : push)({ ...state, chapter: now.chapter }, title, url);
  };
  history.replaceState = (state, title, url) => replace({ chapter: now.chapter, ...state }, title, url);
  addEventListener("popstate", ({ state }) => {
    if (state?.chapter === undefined || state.chapter === now.chapter) return;
    const address = new URL(location.href);
    address.searchParams.set("back", state.chapter);
    replace(state, "", address);
  }, { capture: true });
}

function keepShelf({ viewer, shelf, told }, send) {
  try {
    const kept = JSON.parse(sessionStorage.getItem("rnnkit-shelf") ?? "null");
    if (kept?.shelf && kept.viewer !== viewer && !told) send("shelf", kept.shelf);
    else sessionStorage.setItem("rnnkit-shelf", JSON.stringify({ viewer, shelf }));
  } catch { /* a browser that keeps nothing */ }
}

export default function ({ data, setTriggerValue }) {
  keepBack(data.chapter);
  keepShelf(data, setTriggerValue);
  const { locked } = data;
  if (!locked) return;
  const lock = () => document.querySelectorAll(locked).forEach(element => { element.inert = true; });
  const watch = new MutationObserver(lock);
  lock();
  watch.observe(document.body, { childList: true, subtree: true });
  return () => watch.disconnect();
}
