"""Why does it vanish? One network's gradient on its way back, beside what theory says; and where gradients arrive at all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings, session, view_options
from pages.ui import chart_view, dynamics, lag_view, layout, own_weights, regime_map, study_view, unit_view, way_back
from pages.ui.registry import CHART
from rnnkit import glossary
from rnnkit.analysis import theory
from rnnkit.analysis.gradient_summary import comparison, gradient_ratios, per_step, ratio_phrase
from rnnkit.charts import vanishing as charts
from rnnkit.charts.style import GREY, INK, VIOLET, WARM
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import Truncate
from rnnkit.experiment import Experiment
from rnnkit.results.gradient_flow import GradientFlow
from rnnkit.rounding import amount, smallest
from rnnkit.stories.presets import PRESETS

TITLE = "Vanishing"
CONTROLS = tuple("task length cell hidden init gain input_scale bias leak density r_min r_max seed".split())

STEPS = (0, 10, 25, 50, 100, 200)
LINKED = {
    "vanishing_factor": page_settings.Number(0.1, 2.0),
    "vanishing_words": page_settings.Number(1, 100),
    "vanishing_step": page_settings.Choice(STEPS),
    "vanishing_length": page_settings.Choice(theory.LENGTHS),
    "vanishing_gain": page_settings.Choice(theory.GAINS),
    **dynamics.LINKED,
}
FACTORS = {"vanishes": (0.55, 98), "explodes": (1.3, 29)}  # a word, over so many words
TOUR_TARGETS = {
    "product": "vanishing_product",
    "numbers": "vanishing_numbers",
    "flow": CHART + "Norm of dL/dh",
    "spectrum": CHART + "Singular values",
    "slopes": CHART + "Distribution over the units",
    "map": "vanishing_map",
    "steps before": "vanishing_step",
}
READY = ("Norm of dL/dh", "Singular values", "Share of the gradient")
DRAWING = ("input[aria-label='Length T on the map']", "ArrowRight", "aria-valuetext")
HEIGHT = 320  # of the measured curve, which fits on the first screen
FLOW_HEIGHT, DETAILS_HEIGHTS, SLOPES_HEIGHT = 400, (606, 640), 650  # in pixels, of what is computed: layout.reserved
MAX_DEVIATION = 0.05  # of a rule of thumb from the mean factor a step, relative to it


def page() -> None:
    e = session.current()
    task = e.bound_task
    layout.opening(
        "Why does it vanish?",
        f"On its way back from the {task.end_name} to the {task.evidence_name} the gradient is multiplied by one matrix for "
        "every time step, the Jacobian; and a product of many matrices is often almost nothing, or far too much.",
    )
    if not layout.equally_long(e):
        return
    step = _step(e)
    shown = e if step else regime_map.untrained(e)
    left, right = st.columns((2, 3), gap="medium")
    with left:
        _product()
    cell = CELLS[e.cell]
    parts, slopes = len(cell.parts), cell.has_slope or cell.forget_gate is not None
    with right, layout.reserved("vanishing_flow", FLOW_HEIGHT * parts + 110, FLOW_HEIGHT * parts + 210):
        study_view.computed("gradient_flow", shown, partial(_flow, e), step=step)
    answer = session.ask("gradient_flow", shown, step=step)
    found = answer.found if answer.ended.is_set() else []  # once it has ended, the whole page is drawn again
    with left, layout.reserved("vanishing_verdict", 240, 224):
        if found:
            st.info(theory_and_measurement(e, found[-1]), icon=":material/balance:")
    with layout.reserved("vanishing_details", DETAILS_HEIGHTS[0], DETAILS_HEIGHTS[1] + SLOPES_HEIGHT * slopes):
        if found:
            _details(e, found[-1])
    regime_map.regimes(e)
    with layout.reserved("vanishing_states", 40 + 400 * parts, 40 + 720 * parts):
        if found:
            unit_view.units(e, found[-1])
    lag_view.lags(shown, step)
    dynamics.eigenvalues(shown, step)
    dynamics.lyapunov(shown, step)
    layout.mathematics(MATHEMATICS)
    _try_next()


def _step(e: Experiment) -> int:
    """Returns the training step at which the gradient is shown. A reservoir's recurrent weights are never trained."""
    steps = [0] if CELLS[e.cell].reservoir else [step for step in STEPS if step <= e.steps]
    if len(steps) == 1:
        return 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Training steps before we look:", width="content")
        options: dict[str, Any] = {
            "label_visibility": "collapsed",
            "format_func": lambda step: str(step or f"0, {own_weights.first(e)}"),
        }
        return page_settings.segmented("Training steps before we look", steps, "vanishing_step", 0, **options)


def _gate(e: Experiment) -> str:
    """Returns the name of the gate that holds the memory, "" where there is none."""
    cell = CELLS[e.cell]
    return "" if cell.forget_gate is None else cell.gate_names[cell.forget_gate]


# ---- one factor ----


def _product() -> None:
    """Draws the same factor at every word, times itself, with its two sliders and the two examples."""
    factor, words = FACTORS["vanishes"]
    with st.container(key="vanishing_product", gap="small"):
        place = st.container(gap="xsmall")
        left, right = st.columns(2, gap="small")
        with left:
            factor = page_settings.slider("Factor a word", 0.1, 2.0, "vanishing_factor", factor, step=0.05)
        with right:
            words = int(page_settings.slider("Words", 1, 100, "vanishing_words", words, step=1))
        with st.container(horizontal=True, gap="small"):
            for name, (size, times) in FACTORS.items():
                text = f"{way_back.short(size)} over {times}: {name}"
                st.button(text, key=f"vanishing_{name}", on_click=_choose, args=(size, times))
    with place:
        st.markdown("**If every word had the same factor**")
        st.html(way_back.product(factor, words))


def _choose(factor: float, words: int) -> None:
    """Callback: sets both sliders."""
    page_settings.choose("vanishing_factor", factor)
    page_settings.choose("vanishing_words", words)


# ---- one gradient on its way back ----


def _flow(e: Experiment, parts: list[GradientFlow], done: bool) -> None:
    f = parts[-1]
    if f.diverged >= 0:
        text = f"This network became NaN at training step {f.diverged}: these are its last sound weights."
        st.warning(text, icon=":material/warning:")
    _measured(e, f, session.example(e))


def _details(e: Experiment, f: GradientFlow) -> None:
    words = session.example(e)
    _verdict(e, f)
    shown = [_spectrum] if f.slope is None else [_spectrum, _slopes]
    for column, draw in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
        with column:
            draw(e, f, words)


def theory_and_measurement(e: Experiment, f: GradientFlow) -> str:
    """What must come out, by Pascanu's condition, and what was measured: two lines that cannot contradict each other.

    The condition speaks of the limit of many steps; over this distance it allows a share of the gradient, which is named.
    """
    return f"{_prediction(e, f)}  \n{_measurement(e, f)}"


def _verdict(e: Experiment, f: GradientFlow) -> None:
    task, ratios = e.bound_task, _ratios(e, f)
    help = f"Norm at the {task.evidence_name} over norm at the {task.end_name}."
    arrives = [(f"Arrives of dL/d{name}", "none" if r is None else _left(r), help) for name, r in ratios.items()]
    with st.container(horizontal=True, gap="small", key="vanishing_numbers"):
        for label, value, help in [*_causes(e, f), *arrives]:
            st.metric(label, value, help=help, border=True, width=view_options.size(168))


def _ratios(e: Experiment, f: GradientFlow) -> dict[str, float | None]:
    """Returns for each part of the state the share of its gradient that is left at the source, None without one at the end."""
    found = (gradient_ratios(f.norm[:, :, None], e, part) for part in range(len(f.norm)))
    return {name: float(ratio[0]) if len(ratio) else None for name, ratio in zip(CELLS[e.cell].parts, found, strict=True)}


def _causes(e: Experiment, f: GradientFlow) -> list[tuple[str, str, str]]:
    """Returns the decisive numbers of the weights: label, value, explanation."""
    if f.slope_mean is None:
        return []
    mean = f"{f.slope_mean.mean():.2f}"
    if gate := _gate(e):
        return [(f"Mean {gate}", mean, f"Over units and steps.\n\n{glossary.explained('forget gate')}")]
    gamma = f"; at most γ = {theory.GAMMA[e.cell]:g}" if e.cell in theory.GAMMA else ""
    return [
        ("Singular value λ₁", f"{f.singular:.2f}", glossary.explained("singular value")),
        (
            "Spectral radius ρ",
            f"{f.radius:.2f}",
            glossary.explained("spectral radius"),
        ),
        ("Mean slope |φ′(a)|", mean, f"Over units and steps{gamma}.\n\n{glossary.explained('saturation')}"),
    ]


def _prediction(e: Experiment, f: GradientFlow) -> str:
    largest, rate = f.singular, f.rate_bound
    word = theory.condition(e.cell, np.inf if largest is None else largest, e.leak)
    if word == theory.UNDECIDED or largest is None:
        return f"**Theory: {word}.** Pascanu's condition speaks of h = φ(a) and finite weights; this network is beyond it."
    limit, source = 1 / theory.GAMMA[e.cell], e.bound_task.evidence_step(e.length)
    singular, limit_text = _apart(largest, limit), f"1/γ = {limit:g}"
    if word == theory.NEITHER:
        return (
            f"**Theory: it {word}.** λ₁ is {limit_text}: no step can lengthen the gradient, and none has to shorten it. Slopes "
            "below γ shorten it."
        )
    if word == theory.MAY_GROW:
        return f"**Theory: it {word}.** λ₁ = {singular} is above {limit_text}: growing needs that, but does not follow from it."
    assert rate is not None  # of every cell for which the condition decides
    steps = e.length - 1 - source
    left = _left(rate**steps).removeprefix("below ") if rate else "0"
    over = f"; {steps} steps at most {left}" if steps > 0 else ""
    return (
        f"**Theory: each step back leaves at most {_apart(rate, 1)} of the gradient{over}.** λ₁ = {singular} is "
        f"below {limit_text}: it {word}."
    )


def _left(share: float) -> str:
    """Formats a share of a gradient in double precision."""
    return amount(share, smallest("float64"))


def _apart(value: float, limit: float) -> str:
    """Formats with at least three digits, and as many as distinguish it from the limit."""
    return next((text for digits in range(3, 9) if (text := f"{value:.{digits}g}") != f"{limit:g}"), f"{limit:g}")


def _measurement(e: Experiment, f: GradientFlow) -> str:
    task, ratios = e.bound_task, _ratios(e, f)
    if not np.isfinite(f.norm[:, -1]).all():
        return f"**Measured:** the gradient at the {task.end_name} is beyond double precision: {ratio_phrase(np.inf)}."
    if not any(ratio is not None for ratio in ratios.values()):
        return f"**Measured:** at the {task.end_name} there is no gradient to send back."
    steps, phrases = e.length - 1 - task.evidence_step(e.length), []
    rate = 0.0  # a step, of the last part of the state
    for name, ratio in ratios.items():
        if ratio is None:
            phrases.append(f"dL/d{name} has no gradient at the {task.end_name}")
            continue
        rate = per_step(ratio, steps) if steps and 0 < ratio < np.inf else 0.0
        mean = f", {_apart(rate, 1)} times a step on average" if rate else ""
        phrases.append(f"‖dL/d{name}‖ is {comparison(ratio, 'its size', 'float64')} ({ratio_phrase(ratio)}){mean}")
    text = f"**Measured:** from the {task.end_name} back to the {task.evidence_name}, {' and '.join(phrases)}."
    if f.rate_typical and rate:
        near = abs(np.log(f.rate_typical / rate)) < MAX_DEVIATION
        gives = f"gives {_apart(f.rate_typical, 1)}" if near else "does not hold here"
        text += f" The rule of thumb, mean slope × ρ, {gives}."
    return text


def _measured(e: Experiment, f: GradientFlow, words: Sequence[str]) -> None:
    task, names, leaky = e.bound_task, CELLS[e.cell].parts, e.leak < 1
    chart_view.legend(
        ("line", INK, "measured by backpropagation"),
        ("dot", VIOLET, "product of the Jacobians"),
        ("dashed", WARM, f"through the {_gate(e)}s alone" if _gate(e) else ""),
        ("dashed", WARM, _if(f.bound, f"upper bound: {'1 − leak + leak · γ λ₁' if leaky else 'γ λ₁'} a step")),
        ("dotted", GREY, _if(f.typical, f"rule of thumb: mean slope × ρ{', and leak,' if leaky else ''} a step")),
    )
    marks = ((task.evidence_step(e.length), task.evidence_name), (e.length - 1, task.end_name))
    for part, name in enumerate(names):
        st.markdown(f"**‖dL/d{name}ₜ‖** at every time step, as a share of what it is at the {task.end_name}")
        table = charts.flow_table(f, part, words)
        series = tuple(key for key in charts.SERIES if key in table)
        spec = chart_view.spec(charts.flow_chart, None, tuple(words), marks, series, 24, HEIGHT)
        text = charts.flow_text(table, name, marks[0], task.end_name)
        chart_view.draw(spec, text, f"vanishing_flow_{name}", {"rows": table})
    which = f"{'Network 1' if e.replicas > 1 else 'The network'} (seed {e.seed})"
    parts = [f"{which}, one sequence, double precision. Read it from the {task.end_name} on the right to the left."]
    if f.off is None:
        parts.append("This network is too large to multiply out its Jacobians here.")
    else:
        parts.append(f"Dots: dL/dh at the end times every Jacobian on the way. Difference to backpropagation: {amount(f.off)}.")
    if _gate(e):
        parts.append(f"Dashed: what arrives on the way through the {_gate(e)}s alone; it is no bound, other ways add to it.")
    if e.several_losses:
        parts.append("This is the gradient of the last step's loss alone: the losses of the steps before are left out.")
    if any(isinstance(fix, Truncate) for fix in e.fixes):
        parts.append("Truncation is left out: this is the whole gradient.")
    layout.caption(" ".join(parts), help=glossary.explained("dL/dh, backpropagation"))


def _spectrum(e: Experiment, f: GradientFlow, words: Sequence[str]) -> None:
    name = CELLS[e.cell].memory_name
    st.markdown(f"#### Singular values of $dh_T/d{name}_t$")
    if f.spectrum is None:
        text = "Not computed: the Jacobians of this network are too large. Take fewer hidden units or a shorter sequence."
        st.info(text, icon=":material/data_array:")
        return
    chart_view.legend(*(("line", colour, rank) for rank, colour in charts.RANKS.items()), ("thin", GREY, "all others"))
    table = charts.spectrum_table(f, CELLS[e.cell].parts.index(name), words)
    text = charts.spectrum_text(table, name, f"first step, “{words[0]}”,")
    chart_view.draw(chart_view.spec(charts.spectrum_chart, None, tuple(words)), text, "vanishing_spectrum", {"rows": table})
    layout.caption(f"How much the way from {name}ₜ to the end can stretch a vector: at most, in the middle, at least.")


def _slopes(e: Experiment, f: GradientFlow, words: Sequence[str]) -> None:
    gate, gamma = _gate(e), theory.GAMMA.get(e.cell, 1)
    st.markdown(f"#### How open is the {gate}?" if gate else "#### Saturation: slope |φ′(aₜ)| of the units")
    chart_view.legend(
        ("line", INK, "mean of the units"),
        ("band", INK, "middle half, and all"),
        ("dashed", WARM, f"steepest slope γ = {gamma:g}" if gamma < 1 else ""),
    )
    spec, table = chart_view.spec(charts.slopes_chart, None, tuple(words), gamma), charts.slopes_table(f, words)
    chart_view.draw(spec, charts.slopes_text(table, gate or "slope"), "vanishing_slopes", {"rows": table})
    saturated = "A saturated unit has slope 0 and stops the gradient, whatever the weights are."
    layout.caption("1 keeps the memory, 0 erases it; the gradient is multiplied by the same number." if gate else saturated)


# ---- small things ----


def _if(values: Any, text: str) -> str:
    return "" if values is None else text


MATHEMATICS = r"""
**The chain rule.** With $a_t = x_t W_{in} + h_{t-1} W_{rec} + b$ and $h_t = \varphi(a_t)$, all of them row vectors,

$$
\frac{dL}{dh_{t-1}} = \frac{dL}{dh_t}\, J_t, \qquad J_t = \frac{\partial h_t}{\partial h_{t-1}} =
\operatorname{diag}\big(\varphi'(a_t)\big)\, W_{rec}^\top, \qquad
\frac{dL}{dh_t} = \frac{dL}{dh_T}\; J_T\, J_{T-1} \cdots J_{t+1} .
$$

The dots are this product, with every matrix written out. A leaky unit has
$J_t = (1 - \text{leak})\, 1 + \text{leak}\, \operatorname{diag}(\varphi'(a_t))\, W_{rec}^\top$. With a connection over $k$
steps, $J_t$ is that of the last $k$ states together, $\partial (h_t, \ldots, h_{t-k+1}) / \partial (h_{t-1}, \ldots, h_{t-k})$.

**The bound** (Pascanu, Mikolov & Bengio 2013, section 2.2). Let $\lambda_1$ be the largest singular value of $W_{rec}$, and
$|\varphi'| \le \gamma$: $\gamma = 1$ for tanh and ReLU, $1/4$ for sigmoid.

1. $\|v\, M\| \le \|v\|\,\|M\|$, where the norm $\|M\|$ of a matrix is its largest singular value.
2. $\|J_t\| \le \|\operatorname{diag}(\varphi'(a_t))\|\,\|W_{rec}\| \le \gamma \lambda_1$, at every step and for every input.
3. So $\|dL/dh_t\| \le (\gamma \lambda_1)^{T-t}\, \|dL/dh_T\|$: if $\lambda_1 < 1/\gamma$ it **must vanish with distance**. Over a
   short distance much can be left: $0.95^{18} = 0.40$.

The other way round, a gradient can only grow if $\lambda_1 > 1/\gamma$. Then it **may grow**: if it points where $W_{rec}$
stretches, step after step, and the units are not saturated. At $\lambda_1 = 1/\gamma$ it **can neither grow nor must vanish**.

**Why it often vanishes although $\lambda_1 > 1$.** $\lambda_1$ is what *one* product can do at most. Many products with the
same matrix come to its spectral radius $\rho = \max |\text{eigenvalue}| \le \lambda_1$: for almost every vector $x$,
$\|x J^k\|^{1/k} \to \rho$. A matrix that is not normal can lengthen $x$ first and shorten it later. Saturated units make
$\varphi'(a_t)$ small. A rule of thumb for one step is $\overline{|\varphi'|}\; \rho$. It is no bound, and it fails at large
gains, where few units have a steep slope and all others none. What counts is the measured mean of one step,
$\big(\|dL/dh_t\| \,/\, \|dL/dh_T\|\big)^{1/(T-t)}$.

**Lyapunov exponents.** An orthonormal basis $Q$ of small differences between states goes through every Jacobian,
$J_t\, Q_{t-1} = Q_t R_t$ (QR decomposition). Exponent $i$ is the mean of $\log |R_t[i, i]|$. The largest one is the mean growth
of a difference: below 0 states converge, above 0 the network is chaotic. $dL/dh_t$ goes through the same Jacobians, so over a
long distance it is multiplied by $e$ to the largest exponent a step.

**Gates.** For the LSTM, $c_t = f_t\, c_{t-1} + i_t\, g_t$, unit by unit: along $c$ the gradient is multiplied by $f_t$, with no
matrix and no slope in between, and $f_t$ near 1 carries it. For the GRU it is $z_t$ in $h_t = (1 - z_t)\, n_t + z_t\, h_{t-1}$.
The other ways, through the gates themselves, add to this. $dL/dc_t$ here is the total derivative, with the path through $h_t$.
"""


def _try_next() -> None:
    orthogonal, saturated, chrono = (PRESETS[name].experiment for name in ("orthogonal", "orthogonal-saturated", "lstm-chrono"))
    layout.try_next(
        layout.Try(
            "**Every singular value 1**: an orthogonal $W_{rec}$ and small inputs. The gradient arrives, and it learns.",
            orthogonal,
        ),
        layout.Try(
            "**The same weights, saturated units**: ten times larger inputs. λ₁ is still 1, but less than a hundredth arrives.",
            saturated,
            "Compare the two",
            orthogonal,
        ),
        layout.Try("**A gate instead of a matrix**: an LSTM with chrono biases carries it along c. Look at both states.", chrono),
    )


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
