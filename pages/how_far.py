"""How far? Networks with different cells, weights or remedies at many lengths: at which distance do they stop to learn?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import streamlit as st

from pages.run_list import overlay_charts
from pages.state import browser_history, page_settings, results, session, variants, viewer_state, widgets
from pages.ui import chart_view, layout, markdown, sidebar, study_view
from rnnkit.charts.how_far import Point, gradient_chart, map_table, share_chart
from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.later import pd
from rnnkit.stories.presets import pair
from rnnkit.sweep.combination import Combination, estimated_seconds
from rnnkit.sweep.maps import LENGTHS, MAPS, answer
from rnnkit.sweep.maps.record import origin, recorded
from rnnkit.sweep.result import summary_of
from rnnkit.sweep.row import Row
from rnnkit.sweep.sweep import Sweep

TITLE = "How far?"
CONTROLS = ()
OWN = "own"
ROLE = "how far"  # of a viewer who watches runs of a map
RECORDED, LIVE = "recorded", "live"
ROWS = {RECORDED: "Recorded", LIVE: "Train it anew"}
GROUP = 8  # networks that are trained side by side; more are further groups, with the next seeds
NETWORKS = (8, 16, 32)
MAX_VARIANTS, MAX_LENGTHS = 6, 8
OFFERED = (*LENGTHS[:2], 30, *LENGTHS[2:], 500, 1000)
LINKED = {
    "how_far_map": page_settings.Choice((*MAPS, OWN)),
    "how_far_rows": page_settings.Choice(tuple(ROWS)),
    "how_far_networks": page_settings.Choice(NETWORKS),
    "how_far_runs": page_settings.Several(page_settings.Variant(), MAX_VARIANTS),
    "how_far_lengths": page_settings.Several(page_settings.Number(3, 10_000), MAX_LENGTHS),
}
TOUR_TARGETS = {"map": "how_far_map", "rows": "how_far_rows", "answer": "how_far_answer"}
READY = ("Share of networks that learn", "Share of the gradient")
STYLE = """<style>
.st-key-how_far_answer { min-height: 4.6rem; gap: 0.5rem; }
.st-key-how_far_answer h4 { padding: 0.1rem 0 0.35rem; font-size: 1.2rem; line-height: 1.3; }
@media (max-width: 640px) { .st-key-how_far_answer { min-height: 11rem; } }
</style>"""


@dataclass(frozen=True)
class Shown:
    """The map that is shown."""

    name: str
    combinations: tuple[Combination, ...]  # that this server trains
    left_out: tuple[str, ...]  # the others, each with the reason
    live: bool  # trained here, not the record alone
    networks: int  # of each point

    @property
    def variants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c.variant for c in self.combinations))

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(sorted({c.axes["length"] for c in self.combinations}))

    def groups(self, c: Combination) -> list[Experiment]:
        """Returns the Experiments of a point. A ready map begins with the seed behind the record's."""
        begin = c.experiment.seed + (0 if self.name == OWN else GROUP)
        return [replace(c.experiment, seed=begin + k * GROUP) for k in range(self.networks // GROUP)]

    def runs(self) -> list[Experiment]:
        """Returns all Experiments in the order of training: first one group of every point, from the shortest on."""
        groups = zip(*map(self.groups, self.combinations), strict=True)
        return list(dict.fromkeys(e for group in groups for e in sorted(group, key=lambda e: (e.length, estimated_seconds(e)))))


def page() -> None:
    sidebar.none()
    st.html(STYLE)
    layout.opening(
        "How far can it remember?",
        "Each network must carry the subject's number over more and more words. At which distance do most of them stop to learn?",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        titles = {name: ready.title for name, ready in MAPS.items()} | {OWN: "Your own"}
        name = page_settings.segmented(
            "What is compared",
            list(titles),
            "how_far_map",
            next(iter(MAPS)),
            format_func=titles.get,
            label_visibility="collapsed",
        )
        live, networks = _amount(name)
    sweep = _own_sweep() if name == OWN else MAPS[name].sweep
    if sweep is not None:
        shown = _shown(name, sweep, live, networks)
        if shown.combinations:
            study_view.polled(partial(_map, shown), partial(_interval, shown))
        if shown.left_out:
            st.warning("Left out: " + markdown.plain("; ".join(shown.left_out)) + ".", icon=":material/block:")
        _about(shown)
    if sweep is None or not live:
        results.gather([], ROLE)  # what was watched before
    _try_next()


def _amount(name: str) -> tuple[bool, int]:
    """Draws the choice between the record and training, and of the number of networks."""
    live = name == OWN or not all(recorded(c.experiment) for c in MAPS[name].sweep.combinations)
    if not live:
        chosen = page_settings.segmented(
            "Rows", list(ROWS), "how_far_rows", RECORDED, format_func=ROWS.get, label_visibility="collapsed"
        )
        live = chosen == LIVE
    if not live:
        return False, GROUP
    return True, page_settings.selectbox(
        "Networks a point", NETWORKS, "how_far_networks", GROUP, width=200, format_func="{} networks a point".format,
        label_visibility="collapsed",
    )  # fmt: skip


def _own_sweep() -> Sweep | None:
    """Draws the choice of a viewer's own runs and lengths. Returns their sweep, None where nothing is chosen."""
    mine = viewer_state.current().run_list.entries
    chosen = page_settings.shown("how_far_runs") or page_settings.chosen("how_far_runs") or []
    named = [(entry.name, entry.experiment) for entry in mine] or [("This experiment", session.current())]
    offered = list(dict.fromkeys([*chosen, *(variants.text(name, e) for name, e in named)]))
    offered = [text for text in offered if variants.is_text(text)]
    left, right = st.columns(2, gap="medium")
    with left:
        texts = page_settings.multiselect(
            f"Runs of your list, at most {MAX_VARIANTS}",
            offered,
            "how_far_runs",
            default=offered[-MAX_VARIANTS:],
            format_func=lambda text: variants.read(text)[0],
            max_selections=MAX_VARIANTS,
        )
    with right:
        more = page_settings.chosen("how_far_lengths") or []
        lengths = page_settings.multiselect(
            "Sequence lengths", sorted({*OFFERED, *more}), "how_far_lengths", default=LENGTHS, max_selections=MAX_LENGTHS
        )
    if not texts or not lengths:
        st.info("Choose at least one run and one length. Runs that you train in the lab come into the list by themselves.")
        return None
    try:
        return Sweep(Experiment(), {"length": sorted(lengths)}, _variants(texts), replicas=GROUP)
    except ExperimentError as error:
        st.error(markdown.plain(str(error)), icon=":material/error:")
        return None


def _variants(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, e in map(variants.read, texts):
        unique = name if name not in found else f"{name} ({len(found) + 1})"
        found[unique] = {key: value for key, value in e.to_dict().items() if key not in variants.APART}
    return found


def _shown(name: str, sweep: Sweep, live: bool, networks: int) -> Shown:
    fit, left_out = [], [str(refused) for refused in sweep.refused]
    for c in sweep.combinations:
        if problems := session.objections(c.experiment):
            left_out.append(f"{c}: {'; '.join(problems.values())}")
        else:
            fit.append(c)
    return Shown(name, tuple(fit), tuple(left_out), live, networks)


def _gathered(shown: Shown) -> results.Gathered:
    return results.gather(shown.runs(), ROLE) if shown.live else results.Gathered({}, read=True)


def _interval(shown: Shown) -> float | None:
    """Returns seconds to the next poll, more with more viewers. None when nothing will change by itself."""
    gathered = _gathered(shown)
    if gathered.done:
        return None
    viewers = max((len(run.viewers) for run in gathered.training), default=1)
    return next((seconds for seconds in (0.5, 1.0, 2.0) if viewers / 40 <= seconds), 3.0)


# ---- what is shown ----


def _map(shown: Shown) -> None:
    gathered = _gathered(shown)
    points = _points(shown, gathered.rows)
    with st.container(key="how_far_answer"):
        _answer(shown, gathered, points)
    _charts(shown, gathered, points)
    _failures(shown, gathered)


def _points(shown: Shown, rows: Mapping[Experiment, Sequence[Row]]) -> dict[str, tuple[Point, Experiment]]:
    """Returns id -> point and the Experiment that a click opens."""
    points = {}
    for c in shown.combinations:
        here = [e for e in shown.groups(c) if e in rows]
        of = [row for e in here for row in rows[e]] or (recorded(c.experiment) if shown.name != OWN else None)
        if of:
            e = here[0] if here else c.experiment
            points[e.key] = _point(c, e, of, trained=bool(here)), e
    return points


def _point(c: Combination, e: Experiment, rows: Sequence[Row], trained: bool) -> Point:
    s = summary_of(rows)
    seeds = f"seeds {min(row.seed for row in rows)} to {max(row.seed for row in rows)}"
    return Point(
        id=e.key,
        variant=c.variant,
        length=c.axes["length"],
        networks=s["networks"],
        solved=s["solved"],
        low=s["low"],
        high=s["high"],
        solved_step=s["solved_step"],
        ratio=s["ratio_before"],
        trained=trained,
        origin=f"trained here, {seeds}" if trained else f"recorded on {origin()[0]}, {seeds}",
    )


def _answer(shown: Shown, gathered: results.Gathered, points: Mapping[str, tuple[Point, Experiment]]) -> None:
    shares: dict[str, dict[int, float]] = {}
    for point, _ in points.values():
        shares.setdefault(point.variant, {})[point.length] = point.solved / point.networks
    if text := answer({v: shares[v] for v in shown.variants if v in shares}, _unit(shown)):
        st.markdown(f"#### {markdown.plain(text)}")
    if shown.live and not gathered.done:
        runs = shown.runs()
        text = f"{len(gathered.rows)} of {len(runs)} runs trained" if gathered.read else "Reading the results store"
        st.progress(len(gathered.rows) / len(runs), text=text)
    else:
        n = sum(point.networks for point, _ in points.values())
        where = "trained on this server" if shown.live else f"recorded on {origin()[0]}"
        st.caption(f"{n:,} networks, {where}. Press a dot to open its training in the lab.")


def _unit(shown: Shown) -> str:
    tasks = {c.experiment.bound_task.samples for c in shown.combinations}
    return "words" if tasks == {"sentences"} else "time steps"


def _charts(shown: Shown, gathered: results.Gathered, points: Mapping[str, tuple[Point, Experiment]]) -> None:
    names, lengths = shown.variants, shown.lengths
    key = "".join(f"<span>{overlay_charts.line(i)}{escape(name)}</span>" for i, name in enumerate(names))
    st.html(f'{overlay_charts.STYLE}<div class="shelf-key">{key}</div>')
    table = map_table([point for point, _ in points.values()], names)
    opens = {name: e for name, (_, e) in points.items()}
    title = f"sequence length T in {_unit(shown)}"
    for name, text, column, spec in (
        ("share", "Share of networks that learn", "text", chart_view.spec(share_chart, names, lengths)),
        ("gradient", "Share of the gradient that arrives", "left", chart_view.spec(gradient_chart, names, lengths, title)),
    ):
        numbers = _numbers(table, column) if gathered.done else "being computed"  # with a new text the browser mounts it again
        drawing = page_settings.drawing(f"how_far_{name}_{shown.name}")
        select = partial(_open, drawing, opens)
        chart_view.draw(spec, f"{text}, by sequence length: {numbers}", drawing, {"points": table}, on_select=select)


def _numbers(table: pd.DataFrame, column: str) -> str:
    """Returns the numbers of a chart in words: `tanh 8 of 8 at 10, 0 of 8 at 20; IRNN 8 of 8 at 10`."""
    lines = []
    for name, rows in table.sort_values("length", kind="stable").groupby("variant", sort=False):
        lines.append(
            f"{name} " + ", ".join(f"{number} at {length}" for number, length in zip(rows[column], rows.length, strict=True))
        )
    return "; ".join(lines)


def _open(drawing: str, opens: Mapping[str, Experiment]) -> None:
    """Callback of a chart: opens the training of the pressed dot in the lab."""
    chosen = widgets.value(drawing, {}).get("selection", {}).get("point") or [{}]
    if e := opens.get(str(chosen[0].get("id"))):
        browser_history.begin_chapter(e)


def _failures(shown: Shown, gathered: results.Gathered) -> None:
    names = {e: c for c in shown.combinations for e in shown.groups(c)}
    for run in gathered.failed:
        what = markdown.plain(f"{names[run.experiment]}: the training stopped: {run.error}")
        st.error(f"{what}.", icon=":material/error:")
        again: dict[str, Any] = {"on_click": session.pool().retry, "args": (run,), "icon": ":material/refresh:"}
        st.button("Run again", key=f"how_far_again_{run.id}", **again)


def _about(shown: Shown) -> None:
    about = [] if shown.name == OWN else [MAPS[shown.name].text]
    steps = sorted({c.experiment.steps for c in shown.combinations})
    if steps:
        within = f"{steps[0]:,}" if len(steps) == 1 else f"{steps[0]:,} to {steps[-1]:,}"
        about.append(
            f"A network learns if it passes two tests in a row within {within} training steps: 99 % of new sequences right. "
            "Bars: Wilson's 95 % interval. The larger a dot, the more networks."
        )
    if shown.name != OWN and origin()[0]:
        about.append(
            f"Hollow dots: recorded on {origin()[0]} with the command {origin()[1]}. Filled dots: trained here, with other seeds."
        )
    about.append(
        "Below: ‖dL/dh‖ at the subject over that at the end, before training, median of the networks. The gradient of an LSTM "
        "also travels in the cell state c, which this line does not show."
    )
    st.caption("  \n".join(about))


def _try_next() -> None:
    forget, chrono = pair("Gate bias")
    no_omega, omega = pair("Omega")
    layout.try_next(
        layout.Try(
            "**One number decides**: an LSTM with its forget gates at 1 and with chrono, 50 words.",
            chrono,
            "Compare these two",
            forget,
        ),
        layout.Try("**The penalty that helps**: 30 words, with and without Omega.", omega, "Compare these two", no_omega),
    )


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
