// Sends the viewer's place in a drawing to Python once it no longer changes, as setting -> value (of_component in page_settings.py),
// which puts it into the link. The place that a drawing begins with (`begin`) is not sent, nor an unchanged one.
//
// It waits while the viewer clicks or types. Streamlit sends what happens within a moment in one message, for one fragment: a place
// sent in the moment of a click in the sidebar would have the drawing's fragment alone rerun, and the page would miss the click.
const SETTLED = 500, QUIET = 300;                            // ms without a new place, and without a click, a key or another place

function lastInput() {                                       // { at: ms }, one for all drawings of the window
  if (!document.rnnkitInput) {
    const last = document.rnnkitInput = { at: -Infinity };
    for (const type of ["pointerdown", "pointerup", "keydown", "input"])
      addEventListener(type, () => { last.at = performance.now(); }, true);
  }
  return document.rnnkitInput;
}

function begin(view, place) { view.told = JSON.stringify(place); }

function tell(view, place) {
  const text = JSON.stringify(place), last = lastInput();
  if (view.telling?.text === text) return;
  clearTimeout(view.telling?.timer);
  const telling = view.telling = { text };
  const after = ms => { telling.timer = setTimeout(send, ms); };
  const send = () => {
    if (view.told === text || !view.root.isConnected) return;
    const quiet = performance.now() - last.at;
    if (quiet < QUIET) return after(QUIET - quiet);
    last.at = performance.now();
    view.told = text;
    view.send("place", place);
  };
  after(SETTLED);
}
