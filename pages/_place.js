// Where the viewer is in a drawing: told to Python once they stand still, as setting -> value (see _options.of_component), so that
// it stands in the link. What a drawing begins with, `first`, is not news.
function tell(view, place, first = false) {
  const text = JSON.stringify(place);
  if (first) view.told = text;
  clearTimeout(view.telling);
  view.telling = setTimeout(() => {
    if (view.told === text || !view.root.isConnected) return;
    view.told = text;
    view.send("place", place);
  }, 500);
}

