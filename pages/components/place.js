// Where the viewer is in a drawing: told to Python once they stand still, as setting -> value (see _options.of_component), so that
// it stands in the link. What a drawing begins with (`begin`) is not news; nor is a redrawing of the same.
function begin(view, place) { view.told = JSON.stringify(place); }

function tell(view, place) {
  const text = JSON.stringify(place);
  if (view.telling?.text === text) return;
  clearTimeout(view.telling?.timer);
  const timer = setTimeout(() => {
    if (view.told === text || !view.root.isConnected) return;
    view.told = text;
    view.send("place", place);
  }, 500);
  view.telling = { text, timer };
}

