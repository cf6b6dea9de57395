"""Pages with little to train, and when they are ready to be looked at: each says so itself (READY, in its file)."""

from pages.ui import registry

SMALL = {"length": 10, "steps": 20, "replicas": 2}

TINY = {"cell": "gru", "hidden": 8, "length": 20, "steps": 20, "replicas": 1}

LINKS = {
    "start": {},
    "corpus": TINY | {"task": "corpus"},
    "language": TINY | {"task": "words"},
    "series": TINY | {"task": "sine"},
}  # all other pages: SMALL

BACK = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"


def ready(name):
    """Elements, and charts by how their description begins."""
    return registry.pages()[name].READY


def link(server, name):
    return server.link("/" if name == "start" else f"/{name}", **LINKS.get(name, SMALL))


def chart(page, begins):
    return page.locator(f"[data-testid=stVegaLiteChart][aria-label^='{begins}'] svg")
