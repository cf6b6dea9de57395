// What the pages need of the browser itself.
//
// Back: Streamlit adds an entry to the browser's history whenever the address's query changes, which here is at every setting. It
// would return to the same page with other words in the address bar, and at once be sent forward again. So a change within a page
// replaces its entry, and Back goes to the page before.
//
// Locks: a page's own controls that a lesson locks (`locked`: their keys) can be neither clicked nor reached by keys.
function keepBack() {
  if (history.rnnkit) return;
  history.rnnkit = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    const same = new URL(url ?? "", location.href).pathname === location.pathname;
    (same ? history.replaceState.bind(history) : push)(state, title, url);
  };
}

export default function ({ data }) {
  keepBack();
  const locked = data.locked.map(key => `.st-key-${key}`).join();
  if (!locked) return;
  const lock = () => document.querySelectorAll(locked).forEach(element => { element.inert = true; });
  const watch = new MutationObserver(lock);
  lock();
  watch.observe(document.body, { childList: true, subtree: true });
  return () => watch.disconnect();
}
