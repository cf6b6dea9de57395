"""What pages draw, as tests see it: the tables that reach the charts."""

from pages.ui import chart_view


def tables(monkeypatch):
    """Records the tables that are drawn from now on: by the chart's key, without its page's name."""
    seen, draw = {}, chart_view.draw

    def recorded(spec, text, key, data=None, **options):
        name = key.partition("_")[2]
        seen[name] = (data or {}).get("rows")
        seen.update({f"{name}_{table}": rows for table, rows in (data or {}).items() if table != "rows"})
        return draw(spec, text, key, data, **options)

    monkeypatch.setattr(chart_view, "draw", recorded)
    return seen
