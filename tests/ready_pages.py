"""When each page is ready to be looked at."""

SMALL = {"length": 10, "steps": 20, "replicas": 2}

TINY = {"cell": "gru", "hidden": 8, "length": 20, "steps": 20, "replicas": 1}

LINKS = {"corpus": TINY | {"task": "corpus"}, "language": TINY | {"task": "words"}}  # all other pages: SMALL

READY = {  # what stands on a page when its content is there: elements, and charts by how their description begins
    "lab": (".heatmap[data-rows]", "Training loss"),
    "network": (".network[data-fold='0.00']",),
    "steps": (".ledger[data-at]",),
    "sentence": (".reader[data-t]", "Single units", "Accuracy by attractors"),
    "vanishing": ("Norm of dL/dh", "Singular values", "Share of the gradient"),
    "exploding": (".heatmap[data-rows]", ".cliff[data-start]", "Loss of network", "Fixed points x over b"),
    "remedies": (".multiples[data-rows]",),
    "compare": (".heatmap[data-rows]", "Training loss"),
    "corpus": (".heatmap[data-rows]", "Right answers by"),
    "language": (".heatmap[data-rows]", "Bits per word", "Right answers by"),
    "stories": (".st-key-open_remembers button",),
}

BACK = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"


def link(server, name):
    return server.link("/" if name == "lab" else f"/{name}", **LINKS.get(name, SMALL))


def chart(page, begins):
    return page.locator(f"[data-testid=stVegaLiteChart][aria-label^='{begins}'] svg")
