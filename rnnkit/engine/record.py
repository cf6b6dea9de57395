"""Record: the numbers of one training step, as plain numpy; as a table (frame), as bytes (pack), as colours (encode)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


DTYPE = re.compile(r"[<|][?biufUS]\d{1,4}")  # dtypes that are unpacked: numbers and texts, no Python objects
ABSENT = -1.0  # instead of a gradient's norm: at this time no sequence of the batch had begun


@dataclass(frozen=True)
class Record:
    """One training step of R networks, taken before the step's update: step 0 shows the weights as they were drawn."""

    step: int
    loss: np.ndarray  # (R,) on this step's batch
    accuracy: np.ndarray  # (R,) on held-out sequences; NaN at steps where it was not measured
    state_grad: np.ndarray  # (P, T, R) ||dL/ds_t|| over batch and units, L the last step's loss; total derivatives; or ABSENT
    grad_norm_raw: np.ndarray  # (R,) ||dL/dtheta|| over all weights, before the fixes on activations and gradients
    grad_norm_applied: np.ndarray  # (R,) the same after them
    spectral_radius: np.ndarray  # (R,) of W_rec; NaN for gated cells and at steps where it was not measured
    diverged: np.ndarray  # (R,) the step at which the network first had a NaN or inf; -1 while it is sound
    causes: tuple[str, ...]  # (R,) the first tensor that was not finite, in the order of computation; "" while sound
    state_grad_all: np.ndarray | None = None  # state_grad with L the mean of all steps' losses; None where only the last has one
    flat: np.ndarray | None = None  # (R,) share of slopes that are next to 0 (probes.paths, as the next two); None is NaN
    blocked: np.ndarray | None = None  # (R,) share of sequences without a path from the last step back to the source
    gate: np.ndarray | None = None  # (R,) mean of the gate that keeps the memory
    lag_shares: np.ndarray | None = None  # (T, R) share of dL/dW_rec by time step, L the last step's loss (lags.lag_shares)
    parts: tuple[str, ...] = ()  # (P,) names of the state's parts, Cell.parts; () in a Record that an older version has made

    @property
    def columns(self) -> dict[str, Sequence[Any] | np.ndarray]:
        """Returns the arrays with one value for each network, by their names in tables."""
        nan = np.full(len(self.loss), np.nan)
        other = ("step", "parts", "state_grad", "state_grad_all", "lag_shares")
        wide = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in other}
        return {"cause" if name == "causes" else name: nan if values is None else values for name, values in wide.items()}


def frame(records: Iterable[Record]) -> pd.DataFrame:
    """Returns a table with one row for each step and network: step, replica, loss, accuracy, ..., cause, flat, blocked, gate.

    The columns are the fields of Record with one value for each network; `cause` is the tensor that was first not finite.
    """
    import pandas as pd

    rows = [
        {"step": r.step, "replica": i} | {name: values[i] for name, values in r.columns.items()}
        for r in records
        for i in range(len(r.loss))
    ]
    return pd.DataFrame(rows)


def gradient_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Returns a table with one row for each training step, part of the state, time step and network.

    Columns: step, part, t, replica, norm = ||dL/ds_t|| with L the last time step's loss; norm_all, with L the mean of all
    losses, where more time steps have one. There is no row where no sequence of the batch had begun. Raises ValueError for a
    Record without the names of its parts.
    """
    import pandas as pd

    pieces = []
    for r in records:
        if len(r.parts) != len(r.state_grad):
            raise ValueError(
                f"expected {len(r.state_grad)} names in `parts`, one for each part of the state, got {r.parts}: an older version "
                "made this Record; dataclasses.replace(record, parts=History(e).parts) gives it the names of its cell"
            )
        there = r.state_grad != ABSENT
        part, t, replica = np.nonzero(there)
        piece = {"step": r.step, "part": np.array(r.parts)[part], "t": t, "replica": replica, "norm": r.state_grad[there]}
        pieces.append(pd.DataFrame(piece | ({} if r.state_grad_all is None else {"norm_all": r.state_grad_all[there]})))
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=["step", "part", "t", "replica", "norm"])


def lag_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Returns a table with one row for each training step, lag and network: step, lag, replica, share.

    `share` is that of dL/dW_rec that looks back `lag` time steps, L the last time step's loss. The shares of a training step and
    network sum to 1. There is no row of a network without a gradient, nor where no W_rec is trained.
    """
    import pandas as pd

    pieces = []
    for r in records:
        shares = np.zeros((0, len(r.loss))) if r.lag_shares is None else r.lag_shares[::-1]
        lag, replica = np.nonzero(~np.isnan(shares))
        pieces.append(pd.DataFrame({"step": r.step, "lag": lag, "replica": replica, "share": shares[lag, replica]}))
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=["step", "lag", "replica", "share"])


def pack(values: Mapping[str, Any]) -> bytes:
    """Returns arrays and plain values by name as bytes.

    One line of JSON holds the values and the dtypes and shapes of the arrays. The arrays' bytes follow.
    """
    arrays = {k: np.ascontiguousarray(v) for k, v in values.items() if isinstance(v, np.ndarray)}
    head = {
        "values": {k: v for k, v in values.items() if k not in arrays},
        "arrays": {k: [v.dtype.newbyteorder("<").str, v.shape] for k, v in arrays.items()},
    }
    body = b"".join(v.astype(v.dtype.newbyteorder("<"), copy=False).tobytes() for v in arrays.values())
    return json.dumps(head).encode() + b"\n" + body


def unpack(data: bytes) -> dict[str, Any]:
    """Returns what `pack` was given. Raises ValueError for bytes that `pack` does not write."""
    line, _, body = data.partition(b"\n")
    try:
        head = json.loads(line)
        values: dict[str, Any] = dict(head["values"])
        offset = 0
        for name, (dtype, shape) in head["arrays"].items():
            if not DTYPE.fullmatch(dtype) or not all(type(n) is int and n >= 0 for n in shape):
                raise ValueError(f"no array: {dtype!r:.20} {shape!r:.60}")
            count = math.prod(shape)
            values[name] = np.frombuffer(body, dtype, count, offset).reshape(shape) if count else np.zeros(shape, dtype)
            offset += count * np.dtype(dtype).itemsize
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"expected what pack writes: {str(error)[:200]}") from None
    return values


def pack_record(record: Record) -> bytes:
    """Returns a Record as bytes."""
    return pack({f.name: getattr(record, f.name) for f in fields(record)})


def unpack_record(data: bytes) -> Record:
    """Returns the Record that `pack_record` was given. Raises ValueError for bytes that `pack` does not write."""
    values = unpack(data)
    return Record(**values | {"causes": tuple(values["causes"]), "parts": tuple(values.get("parts", ()))})


# A heatmap travels as 16-bit codes: five meanings that a logarithm cannot carry, and the logarithm for the rest.
ZERO, CUT, NOTHING, INF, NAN = 0, 1, 65533, 65534, 65535
LOG10_MIN, CODES_PER_DECADE = -46.0, 700  # below float32's smallest number; 0.3 % resolution


def encode(norms: np.ndarray, first_uncut: int = 0) -> np.ndarray:
    """Returns gradient norms (..., T) as uint16 codes. An exact zero is CUT before step `first_uncut`, else ZERO.

    ABSENT is NOTHING, inf INF and NaN NAN. Any other norm is round(700 (log10(norm) + 46)), clipped to 2 .. 65532.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        code = (np.log10(norms) - LOG10_MIN) * CODES_PER_DECADE
    code = np.nan_to_num(np.clip(np.round(code), CUT + 1, NOTHING - 1), nan=NAN).astype(np.uint16)
    code[np.isposinf(norms)] = INF
    code[norms == ABSENT] = NOTHING
    zero = norms == 0
    code[zero] = ZERO
    code[..., :first_uncut][zero[..., :first_uncut]] = CUT
    return code
