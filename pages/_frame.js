// What the pages need of the browser itself.
//
// Back: Streamlit adds an entry to the browser's history whenever the address's query changes, which here is at every setting. It
// would return to the same page with other words in the address bar, and at once be sent forward again. So a change within a page
// replaces its entry, and Back goes to the page before.
//
// Locks: a page's own controls that a lesson locks (`locked`: their keys) can be neither clicked nor reached by keys.
//
// Shelf: a server that starts again, or a page that is loaded again, begins a session anew, without its shelf of runs. The tab keeps
// their names and settings (`shelf`), and gives those of another session (`viewer`) back once (`told`).
function keepBack() {
  if (history.rnnkit) return;
  history.rnnkit = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    const same = new URL(url ?? "", location.href).pathname === location.pathname;
    (same ? history.replaceState.bind(history) : push)(state, title, url);
  };
}

function keepShelf({ viewer, shelf, told }, send) {
  try {
    const kept = JSON.parse(sessionStorage.getItem("rnnkit-shelf") ?? "null");
    if (kept?.shelf && kept.viewer !== viewer && !told) send("shelf", kept.shelf);
    else sessionStorage.setItem("rnnkit-shelf", JSON.stringify({ viewer, shelf }));
  } catch { /* a browser that keeps nothing */ }
}

export default function ({ data, setTriggerValue }) {
  keepBack();
  keepShelf(data, setTriggerValue);
  const locked = data.locked.map(key => `.st-key-${key}`).join();
  if (!locked) return;
  const lock = () => document.querySelectorAll(locked).forEach(element => { element.inert = true; });
  const watch = new MutationObserver(lock);
  lock();
  watch.observe(document.body, { childList: true, subtree: true });
  return () => watch.disconnect();
}
