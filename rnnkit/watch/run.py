"""WatchRun: what a watch has measured, in plain numpy, and its file. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnkit.engine.cells import CELLS
from rnnkit.engine.record import pack, unpack
from rnnkit.errors import shorten_repr

if TYPE_CHECKING:
    import pandas as pd

FORMAT, VERSION = "rnnkit.watch", 1
MAX_STEPS = 500  # watched steps that are stored at most, evenly spread over the training
MAX_FILE_BYTES = 2**30
MAX_STEP = 2**53  # training steps that a file may name
REACHED = 1e-3  # share of the largest norm down to which the gradient counts as arriving, as in rnnkit's verdicts


@dataclass(frozen=True)
class Profile:
    """||dL/ds_t|| over batch and units of one part of a layer's state, at one training step. dL/dc_t is the total derivative."""

    step: int  # training step
    layer: str  # as torch names its weights: encoder.l0
    direction: str  # forward, reverse
    part: str  # h, c
    call: int  # 0, or how many times the layer was used before in this training step
    start: int  # t of the first number: not 0 where the call goes on from the state of an earlier one
    cut: bool  # the first state was carried over, and the graph ends there
    norm: np.ndarray  # (T,) float64; t as in the input, also of the reverse direction

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.layer, self.direction, self.part, self.call


@dataclass(frozen=True)
class Finding:
    """Measurements of one layer and direction at the last watched step, for the verdict and lags.

    Norms by lag are of the gradient that enters at the last step that has one, k = 0, 1, ... steps back from there.
    """

    step: int
    layer: str
    direction: str
    call: int
    cell: str  # a name of CELLS
    parts: tuple[str, ...]
    norm_by_lag: np.ndarray  # (P, K); sequences that are too short are left out, times sqrt(sequences / those that are left)
    share_by_lag: np.ndarray  # (n,) share of dL/dW_rec that looks back k steps, from every step at which a gradient enters
    beyond: float  # what looks back n steps or more
    entries: int  # steps at which a gradient enters, the most of any sequence
    gate: float  # mean of the gate that keeps the memory; NaN without one
    flat: float  # share of slopes next to 0, as in rnnkit.engine.probes.paths; NaN for gated cells
    radius: float  # spectral radius of W_rec; NaN for gated cells
    singular: float  # largest singular value of W_rec; NaN for gated cells
    cut: bool
    not_finite: str  # the first tensor of the forward pass that is not finite: a weight, the input, or h with its t; "" else


@dataclass
class WatchRun:
    """The watched steps of a training."""

    profiles: list[Profile] = field(default_factory=list)
    checks: dict[int, dict[str, float]] = field(default_factory=dict)  # training step -> layer -> relative difference, or NaN
    findings: tuple[Finding, ...] = ()
    problem: str = ""

    @property
    def steps(self) -> list[int]:
        """The training steps that are stored, in their order."""
        return sorted({p.step for p in self.profiles})

    def add(self, profiles: Sequence[Profile], checks: Mapping[str, float]) -> None:
        """Adds a training step. Beyond MAX_STEPS every second one is dropped, from the first on."""
        self.profiles += profiles
        self.checks[profiles[0].step] = dict(checks)
        steps = self.steps
        if len(steps) > MAX_STEPS:
            left = {*steps[::2], steps[-1]}
            self.profiles = [p for p in self.profiles if p.step in left]
            self.checks = {step: check for step, check in self.checks.items() if step in left}

    def last(self) -> list[Profile]:
        """The profiles of the last step."""
        steps = self.steps
        return [p for p in self.profiles if p.step == steps[-1]] if steps else []

    def frame(self) -> pd.DataFrame:
        """Returns a table with one row for each step, layer, direction, part, call and time step: and norm = ||dL/ds_t||."""
        import pandas as pd

        columns = ["step", "layer", "direction", "part", "call", "t", "norm"]
        if not self.profiles:
            return pd.DataFrame(columns=columns)
        lengths = [len(p.norm) for p in self.profiles]
        table = {name: np.repeat([getattr(p, name) for p in self.profiles], lengths) for name in columns[:5]}
        table["t"] = np.concatenate([p.start + np.arange(n) for p, n in zip(self.profiles, lengths, strict=True)])
        return pd.DataFrame(table | {"norm": np.concatenate([p.norm for p in self.profiles])})

    def lags(self) -> pd.DataFrame:
        """Returns a table of Finding.share_by_lag: layer, direction, call, lag, share; lag is NaN in the row of `beyond`."""
        import pandas as pd

        rows = [
            {"layer": f.layer, "direction": f.direction, "call": f.call, "lag": lag, "share": share}
            for f in self.findings
            for lag, share in [*enumerate(f.share_by_lag), *([(np.nan, f.beyond)] if f.beyond else [])]
        ]
        return pd.DataFrame(rows, columns=["layer", "direction", "call", "lag", "share"])

    def scalars(self) -> dict[str, float]:
        """Returns the last step's numbers by name, for a logger.

        `watch/LAYER/DIRECTION/PART/first`: the norm at the first step that the direction reads; `max`: the largest one; `ratio`:
        first over max; `reach`: steps from the largest norm back to the earliest one of at least 1/1000 of it.
        `watch/LAYER/check`: the relative difference of the replayed weight gradient from the layer's own.
        """
        found: dict[str, float] = {}
        for p in self.last():
            norm = p.norm if p.direction == "forward" else p.norm[::-1]
            name = f"watch/{p.layer}/{p.direction}/{p.part}" + (f"/call{p.call}" if p.call else "")
            peak = int(norm.argmax()) if np.isfinite(norm).all() else int(np.argmin(np.isfinite(norm)))
            most = float(norm[peak])
            found |= {f"{name}/first": float(norm[0]), f"{name}/max": most}
            if np.isfinite(most) and most > 0:
                with np.errstate(over="ignore"):
                    found[f"{name}/ratio"] = float(norm[0] / most)
                found[f"{name}/reach"] = float(peak - np.argmax(norm >= REACHED * most))
        if found:
            found |= {f"watch/{layer}/check": error for layer, error in self.checks.get(self.steps[-1], {}).items()}
        return found

    # ---- the file

    def to_bytes(self) -> bytes:
        """Returns the file's bytes: one line of JSON, then the numbers of the arrays. No pickle."""
        head = [{k: v for k, v in vars(p).items() if k != "norm"} | {"T": len(p.norm)} for p in self.profiles]
        norm = np.concatenate([p.norm for p in self.profiles]) if self.profiles else np.zeros(0)
        arrays: dict[str, np.ndarray] = {"norm": norm}
        found = []
        for i, f in enumerate(self.findings):
            values = asdict(f)
            arrays |= {f"{name}.{i}": values.pop(name) for name in ("norm_by_lag", "share_by_lag")}
            found.append(values)
        checks = {str(step): check for step, check in self.checks.items()}
        values = {"format": FORMAT, "version": VERSION, "profiles": head, "checks": checks, "findings": found}
        return pack(values | {"problem": self.problem} | arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> WatchRun:
        """Returns what `to_bytes` was called on. Raises ValueError for anything else, and for a later version."""
        try:
            values = unpack(data)
        except ValueError:
            raise ValueError("expected a file of watch.save, got another file or a damaged one") from None
        if values.get("format") != FORMAT:
            raise ValueError(f"expected a file of watch.save, format {FORMAT!r}, got {str(values.get('format'))[:40]!r}")
        if values.get("version") != VERSION:
            raise ValueError(f"expected version {VERSION} of {FORMAT}, got {str(values.get('version'))[:20]}: update rnnkit")
        try:
            norm, profiles = values["norm"].astype(np.float64), []
            ends = np.cumsum([int(head["T"]) for head in values["profiles"]])
            if len(ends) and (ends[-1] != len(norm) or (np.diff(ends, prepend=0) < 1).any()):
                raise ValueError("the numbers of norms do not add up")
            for head, end in zip(values["profiles"], ends, strict=True):
                T = head.pop("T")
                if not (0 <= head["start"] <= len(norm) - T and 0 <= head["step"] < MAX_STEP):
                    raise ValueError("a profile begins where no other one ends, or its training step is out of range")
                profiles.append(_typed(Profile, head | {"norm": norm[end - T : end]}))
            found = [_finding(values, i, f) for i, f in enumerate(values["findings"])]
            checks = {int(step): {str(k): float(v) for k, v in check.items()} for step, check in values["checks"].items()}
            return cls(profiles, checks, tuple(found), str(values["problem"]))
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ValueError(f"expected a whole file of watch.save, got a damaged one: {str(error)[:200]}") from None


def read(path: str | Path) -> WatchRun:
    """Opens a file that `watch.save` has written. Raises ValueError for any other file, OSError where there is none."""
    path = Path(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"expected at most {MAX_FILE_BYTES:,} bytes, got {path.stat().st_size:,}")
    return WatchRun.from_bytes(path.read_bytes())


def _finding(values: Mapping[str, Any], i: int, head: Mapping[str, Any]) -> Finding:
    """The i-th Finding of a file. Raises ValueError where its arrays do not fit."""
    arrays = {name: values[f"{name}.{i}"].astype(np.float64) for name in ("norm_by_lag", "share_by_lag")}
    f: Finding = _typed(Finding, {**head, **arrays, "parts": tuple(map(str, head["parts"]))})
    if f.cell not in CELLS or f.parts != CELLS[f.cell].parts:
        raise ValueError(f"unknown cell {shorten_repr(f.cell)} with the parts {shorten_repr(f.parts)}")
    if f.norm_by_lag.shape[:1] != (len(f.parts),) or f.norm_by_lag.ndim != 2 or f.share_by_lag.ndim != 1:
        raise ValueError("arrays by lag of the wrong shape")
    return f


def _typed(kind: Any, values: Mapping[str, Any]) -> Any:
    """A Profile or a Finding. Raises ValueError where a name or a type is not the field's."""
    types: dict[str, Any] = {
        "int": int,
        "str": str,
        "bool": bool,
        "float": (int, float),
        "np.ndarray": np.ndarray,
        "tuple[str, ...]": tuple,
    }
    wanted = {f.name: f.type for f in fields(kind)}
    _same_names(values, wanted)
    for name, value in values.items():
        if not isinstance(value, types[str(wanted[name])]):
            raise ValueError(f"expected {wanted[name]} for {name}, got {type(value).__name__}")
        if isinstance(value, str):
            value.encode()  # half a surrogate pair raises, a ValueError too
    return kind(**values)


def _same_names(values: Iterable[str], wanted: Iterable[str]) -> None:
    if wrong := set(values) ^ set(wanted):
        raise ValueError(f"unexpected or missing: {', '.join(sorted(wrong))[:80]}")
