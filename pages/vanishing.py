"""Why does it vanish? One network's gradient on its way back, beside what theory says; and where gradients arrive at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings, session, view_options
from pages.ui import chart_view, layout, regime_map
from pages.ui.registry import CHART
from rnnkit.analysis import theory
from rnnkit.analysis.describe import amount, smallest
from rnnkit.analysis.gradient_summary import compared, fate, gradient_ratios, per_step
from rnnkit.charts import vanishing as charts
from rnnkit.charts.style import BLUE, GREY, INK, ORANGE, VIOLET, WARM
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import Truncate
from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PRESETS

TITLE = "Vanishing"
CONTROLS = ("task", "length", "cell", "hidden", "init", "gain", "input_scale", "bias", "leak", "density", "seed")

Found = Mapping[str, Any]  # what studies.flow or studies.regimes found
STEPS = (0, 10, 25, 50, 100, 200)
LINKED = {
    "vanishing_step": page_settings.Choice(STEPS),
    "vanishing_length": page_settings.Choice(theory.LENGTHS),
    "vanishing_gain": page_settings.Choice(theory.GAINS),
}
POINTS = {
    "numbers": "vanishing_numbers",
    "flow": CHART + "Norm of dL/dh",
    "spectrum": CHART + "Singular values",
    "slopes": CHART + "Distribution over the units",
    "map": "vanishing_map",
    "steps before": "vanishing_step",
}
CLOSE = 0.05  # so far apart, as a share of it, may a rule of thumb be from the mean factor a step


def page() -> None:
    e = session.current()
    task = e.bound_task
    layout.opening(
        "Why does it vanish?",
        f"On its way back from the {task.end_name} to the {task.source_name} the gradient is multiplied by one matrix for every "
        "time step, the Jacobian; and a product of many matrices is often almost nothing, or far too much.",
    )
    if not layout.equally_long(e):
        return
    step = _step(e)
    looked_at = e if step else regime_map.untrained(e)
    layout.computed("flow", looked_at, partial(_flow, e), step=step)
    regime_map.regimes(e)
    if len(CELLS[e.cell].parts) > 1:
        layout.computed("flow", looked_at, partial(_states, e), step=step)
    layout.mathematics(MATHEMATICS)
    _try_next()


def _step(e: Experiment) -> int:
    """After how many training steps the network is looked at. A reservoir's way back is never trained."""
    steps = [0] if CELLS[e.cell].reservoir else [step for step in STEPS if step <= e.steps]
    if len(steps) == 1:
        return 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Training steps before we look:", width="content")
        look: dict[str, Any] = {"label_visibility": "collapsed", "format_func": lambda step: str(step or "0, untrained")}
        return page_settings.segmented("Training steps before we look", steps, "vanishing_step", 0, **look)


def _gate(e: Experiment) -> str:
    """What the gate that keeps the memory is called, "" where there is none."""
    cell = CELLS[e.cell]
    return "" if cell.forget_gate is None else cell.gate_names[cell.forget_gate]


# ---- one gradient on its way back ----


def _flow(e: Experiment, parts: list[Found], done: bool) -> None:
    f, words = parts[-1], session.example(e)
    if f["diverged"] >= 0:
        text = f"This network became NaN at training step {f['diverged']}: these are its last sound weights."
        st.warning(text, icon=":material/warning:")
    _verdict(e, f)
    _measured(e, f, words)
    left, right = st.columns(2, gap="medium")
    with left:
        _spectrum(e, f, words)
    with right:
        _slopes(e, f, words)


def theory_and_measurement(e: Experiment, f: Found) -> str:
    """What must come out, by Pascanu's condition, and what was measured: two lines that cannot contradict each other.

    The condition speaks of the limit of many steps; over this distance it allows a share of the gradient, which is named.
    """
    return f"{_prediction(e, f)}  \n{_measurement(e, f)}"


def _verdict(e: Experiment, f: Found) -> None:
    task, ratios = e.bound_task, _ratios(e, f)
    st.info(theory_and_measurement(e, f), icon=":material/balance:")
    help = f"Norm at the {task.source_name} over norm at the {task.end_name}."
    arrives = [(f"Arrives of dL/d{name}", "none" if r is None else _left(r), help) for name, r in ratios.items()]
    with st.container(horizontal=True, gap="small", key="vanishing_numbers"):
        for label, value, help in [*_causes(e, f), *arrives]:
            st.metric(label, value, help=help, border=True, width=view_options.size(168))


def _ratios(e: Experiment, f: Found) -> dict[str, float | None]:
    """Of each part of the state, what is left at the source of its gradient at the end; None where it has none there."""
    found = (gradient_ratios(f["norm"][:, :, None], e, part) for part in range(len(f["norm"])))
    return {name: float(ratio[0]) if len(ratio) else None for name, ratio in zip(CELLS[e.cell].parts, found, strict=True)}


def _causes(e: Experiment, f: Found) -> list[tuple[str, str, str]]:
    """The numbers of the weights that decide: label, value, what it is."""
    mean = f"{f['slope_mean'].mean():.2f}"
    if gate := _gate(e):
        return [(f"Mean {gate}", mean, "Over units and steps: 1 keeps the memory and its gradient, 0 erases both.")]
    gamma = f"; at most γ = {theory.GAMMA[e.cell]:g}" if e.cell in theory.GAMMA else ""
    return [
        ("Singular value λ₁", f"{f['singular']:.2f}", "The largest of $W_{rec}$: the most that it lengthens any vector."),
        (
            "Spectral radius ρ",
            f"{f['radius']:.2f}",
            "The largest |eigenvalue| of $W_{rec}$: what many products with it come to. At most λ₁.",
        ),
        ("Mean slope |φ′(a)|", mean, f"Over units and steps{gamma}. Saturated units have slope 0."),
    ]


def _prediction(e: Experiment, f: Found) -> str:
    said = theory.condition(e.cell, np.inf if f["singular"] is None else f["singular"], e.leak)
    if said == theory.UNDECIDED:
        return f"**Theory: {said}.** Pascanu's condition speaks of h = φ(a) and finite weights; this network is beyond it."
    limit, source = 1 / theory.GAMMA[e.cell], e.bound_task.source(e.length)
    singular, limit_text = _apart(f["singular"], limit), f"1/γ = {limit:g}"
    if said == theory.NEITHER:
        return (
            f"**Theory: it {said}.** λ₁ is {limit_text}: no step can lengthen the gradient, and none has to shorten it. Slopes "
            "below γ shorten it."
        )
    if said == theory.MAY_GROW:
        return f"**Theory: it {said}.** λ₁ = {singular} is above {limit_text}: growing needs that, but does not follow from it."
    steps = e.length - 1 - source
    rate = f["rate_bound"]
    left = _left(rate**steps).removeprefix("below ") if rate else "0"
    over = f"; {steps} steps at most {left}" if steps > 0 else ""
    return (
        f"**Theory: each step back leaves at most {_apart(f['rate_bound'], 1)} of the gradient{over}.** λ₁ = {singular} is "
        f"below {limit_text}: it {said}."
    )


def _left(share: float) -> str:
    """A share of a gradient in double precision."""
    return amount(share, smallest("float64"))


def _apart(value: float, limit: float) -> str:
    """With at least three digits, and as many as tell it apart from the limit."""
    return next((text for digits in range(3, 9) if (text := f"{value:.{digits}g}") != f"{limit:g}"), f"{limit:g}")


def _measurement(e: Experiment, f: Found) -> str:
    task, ratios = e.bound_task, _ratios(e, f)
    if not np.isfinite(f["norm"][:, -1]).all():
        return f"**Measured:** the gradient at the {task.end_name} is beyond double precision: {fate(np.inf)}."
    if not any(ratio is not None for ratio in ratios.values()):
        return f"**Measured:** at the {task.end_name} there is no gradient to send back."
    steps, told = e.length - 1 - task.source(e.length), []
    rate = 0.0  # a step, of the last part of the state
    for name, ratio in ratios.items():
        if ratio is None:
            told.append(f"dL/d{name} has no gradient")
            continue
        rate = per_step(ratio, steps) if steps and 0 < ratio < np.inf else 0.0
        mean = f", {_apart(rate, 1)} times a step on average" if rate else ""
        told.append(f"‖dL/d{name}‖ is {compared(ratio, 'its size', 'float64')} ({fate(ratio)}){mean}")
    text = f"**Measured:** from the {task.end_name} back to the {task.source_name}, {' and '.join(told)}."
    if f["rate_typical"] and rate:
        near = abs(np.log(f["rate_typical"] / rate)) < CLOSE
        gives = f"gives {_apart(f['rate_typical'], 1)}" if near else "does not hold here"
        text += f" The rule of thumb, mean slope × ρ, {gives}."
    return text


def _measured(e: Experiment, f: Found, words: Sequence[str]) -> None:
    task, names, leaky = e.bound_task, CELLS[e.cell].parts, e.leak < 1
    chart_view.legend(
        ("line", INK, "measured by backpropagation"),
        ("dot", VIOLET, "product of the Jacobians"),
        ("dashed", WARM, f"through the {_gate(e)}s alone" if _gate(e) else ""),
        ("dashed", WARM, _if(f["bound"], f"upper bound: {'1 − leak + leak · γ λ₁' if leaky else 'γ λ₁'} a step")),
        ("dotted", GREY, _if(f["typical"], f"rule of thumb: mean slope × ρ{', and leak,' if leaky else ''} a step")),
    )
    marks = ((task.source(e.length), task.source_name), (e.length - 1, task.end_name))
    for part, (column, name) in enumerate(zip(st.columns(len(names), gap="medium"), names, strict=True)):
        with column:
            st.markdown(f"**‖dL/d{name}ₜ‖** at every time step, as a share of what it is at the {task.end_name}")
            table = charts.flow_table(f, part, words)
            series = tuple(key for key in charts.SERIES if key in table)
            spec = chart_view.spec(charts.flow_chart, None, tuple(words), marks, series, 40 // len(names))
            text = charts.flow_text(table, name, marks[0], task.end_name)
            chart_view.draw(spec, text, f"vanishing_flow_{name}", {"rows": table})
    which = f"{'Network 1' if e.replicas > 1 else 'The network'} (seed {e.seed})"
    told = [f"{which}, one sequence, double precision. Read it from the {task.end_name} on the right to the left."]
    if f["product"] is None:
        told.append("This network is too large to multiply out its Jacobians here.")
    else:
        told.append(f"Dots: dL/dh at the end times every Jacobian on the way. Difference to backpropagation: {amount(f['off'])}.")
    if _gate(e):
        told.append(f"Dashed: what arrives on the way through the {_gate(e)}s alone; it is no bound, other ways add to it.")
    if e.several_losses:
        told.append("This is the gradient of the last step's loss alone: the losses of the steps before are left out.")
    if any(isinstance(fix, Truncate) for fix in e.fixes):
        told.append("Truncation is left out: this is the whole gradient.")
    st.caption(" ".join(told))


def _spectrum(e: Experiment, f: Found, words: Sequence[str]) -> None:
    name = CELLS[e.cell].parts[-1]
    st.markdown(f"#### Singular values of $dh_T/d{name}_t$")
    if f["spectrum"] is None:
        text = "Not computed: the Jacobians of this network are too large. Take fewer hidden units or a shorter sequence."
        st.info(text, icon=":material/data_array:")
        return
    chart_view.legend(*(("line", colour, rank) for rank, colour in charts.RANKS.items()), ("thin", GREY, "all others"))
    table = charts.spectrum_table(f, len(CELLS[e.cell].parts) - 1, words)
    text = charts.spectrum_text(table, name, f"first step, “{words[0]}”,")
    chart_view.draw(chart_view.spec(charts.spectrum_chart, None, tuple(words)), text, "vanishing_spectrum", {"rows": table})
    st.caption(f"How much the way from {name}ₜ to the end can stretch a vector: at most, in the middle, at least.")


def _slopes(e: Experiment, f: Found, words: Sequence[str]) -> None:
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
    st.caption("1 keeps the memory, 0 erases it; the gradient is multiplied by the same number." if gate else saturated)


def _states(e: Experiment, parts: list[Found], done: bool) -> None:
    """The parts of the state side by side: what they remember."""
    f, words, names = parts[-1], session.example(e), CELLS[e.cell].parts
    st.markdown(f"#### What the states {' and '.join(names)} hold")
    chart_view.legend(("band", ORANGE, "above 0"), ("band", BLUE, "below 0"))
    for part, (column, name) in enumerate(zip(st.columns(len(names), gap="medium"), names, strict=True)):
        with column:
            st.markdown(f"**{name}ₜ**, one row a unit")
            spec, table = chart_view.spec(charts.states_chart, None, tuple(words)), charts.states_table(f["states"][part], words)
            chart_view.draw(spec, charts.states_text(table, name), f"vanishing_states_{name}", {"rows": table})
    st.caption(
        "Full colour at 1 and beyond, half of it at 0.25. The gradients that reach these states stand at the top of the page."
    )


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
$J_t = (1 - \text{leak})\, 1 + \text{leak}\, \operatorname{diag}(\varphi'(a_t))\, W_{rec}^\top$.

**The bound** (Pascanu, Mikolov & Bengio 2013, section 2.2). Let $\lambda_1$ be the largest singular value of $W_{rec}$, and
$|\varphi'| \le \gamma$: $\gamma = 1$ for tanh and ReLU, $1/4$ for sigmoid.

1. $\|v\, M\| \le \|v\|\,\|M\|$, where the norm $\|M\|$ of a matrix is its largest singular value.
2. $\|J_t\| \le \|\operatorname{diag}(\varphi'(a_t))\|\,\|W_{rec}\| \le \gamma \lambda_1$, at every step and for every input.
3. So $\|dL/dh_t\| \le (\gamma \lambda_1)^{T-t}\, \|dL/dh_T\|$: if $\lambda_1 < 1/\gamma$ it **must vanish with distance**. Over a
   short distance much can be left: $0.95^{18} = 0.40$.

The other way round, a gradient can only grow if $\lambda_1 > 1/\gamma$. Then it **may grow**: if it points where $W_{rec}$
stretches, step after step, and the units are not saturated. At $\lambda_1 = 1/\gamma$ it **can neither grow nor must vanish**.

**Why it often vanishes although $\lambda_1 > 1$.** $\lambda_1$ is what *one* product can do at most. Many products with the
same matrix come to its spectral radius $\rho = \max |\text{eigenvalue}| \le \lambda_1$, and saturated units make
$\varphi'(a_t)$ small. A rule of thumb for one step is $\overline{|\varphi'|}\; \rho$. It is no bound, and it fails at large
gains, where few units have a steep slope and all others none. What counts is the measured mean of one step,
$\big(\|dL/dh_t\| \,/\, \|dL/dh_T\|\big)^{1/(T-t)}$.

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


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
