"""Tours that tests go through."""

from pages.tour import highlight, tour_state
from pages.ui import registry
from rnnkit.stories.tours import read_tour

GUIDE = read_tour(tour_state.FILE.read_bytes(), highlight.targets(), registry.linked())[0]

OWN = {"length": "20", "cell": "gru", "steps": "20", "replicas": "2", "bias": "chrono"}

SMALL = "length=10&steps=20&replicas=2"

TWO = f"""version = 1
title = "Two stations"

[[station]]
title = "First"
page = "lab"
link = "{SMALL}&pin.length=12&pin.steps=20&pin.replicas=2"
say = "Told. <b id='injected'>bold</b> ![a](http://elsewhere.example/a.png) $\\\\includegraphics{{http://elsewhere.example/b.png}}$"
point = "heatmap"
ask = "Which?"
answers = ["This", "That"]
right = 2
notice = "Noticed."

[[station]]
title = "Second"
page = "vanishing"
say = "The same networks."
point = "numbers"
"""
