// Streamlit adds an entry to the browser's history whenever the address's query changes, which here is at every setting: Back
// would then return to the same page with other words in the address bar, and at once be sent forward again. So a change within
// a page replaces its entry, and Back goes to the page before.
export default function () {
  if (history.rnnkit) return;
  history.rnnkit = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    const same = new URL(url ?? "", location.href).pathname === location.pathname;
    (same ? history.replaceState.bind(history) : push)(state, title, url);
  };
}
