"""Weights: those of one network that a user has trained elsewhere, in rnnkit's layout."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnkit.corpus.data import Content
from rnnkit.corpus.decoding import CorpusError

READOUT = ("W_out", "b_out")
DTYPES = ("float32", "float64")


@dataclass(frozen=True, eq=False)
class Weights(Content):
    """W_in (I, G H), W_rec (H, G H), b (1, G H), b_rec (1, G H) of a GRU; W_out (H, O) and b_out (1, O) where there is a readout.

    Shapes as in bptt.py, without the axis of networks. G: gates of the cell, with the candidate.
    """

    name: str
    cell: str
    arrays: Mapping[str, np.ndarray]
    notes: tuple[str, ...] = ()

    @property
    def hidden(self) -> int:
        """H."""
        return len(self.arrays["W_rec"])

    def misfit(self, cell: str, hidden: int) -> str:
        """Returns why a network of this cell and so many hidden units cannot have these weights, "" where it can."""
        if (cell, hidden) == (self.cell, self.hidden):
            return ""
        return f"are of cell '{self.cell}' with {self.hidden} hidden units, got cell '{cell}' with {hidden}"

    def fit(self, n_in: int, n_out: int) -> tuple[bool, bool]:
        """Returns whether W_in, and whether the readout fits a task with so many inputs and outputs."""
        readout = [self.arrays[name].shape[1] for name in READOUT if name in self.arrays]
        return len(self.arrays["W_in"]) == n_in, readout == [n_out] * len(READOUT)

    def fitting(self, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns `drawn` with these weights in their places: those of the recurrence, W_in and the readout where they `fit`."""
        of_input, of_readout = self.fit(len(drawn["W_in"]), drawn["W_out"].shape[1])
        kept = {*(("W_in",) if not of_input else ()), *(READOUT if not of_readout else ())}
        return {k: W if k in kept or k not in self.arrays else self.arrays[k].astype(np.float64) for k, W in drawn.items()}

    def content(self) -> dict[str, Any]:
        """Returns the cell and, of each array, its dtype, shape and bytes in base64."""
        written = {
            k: [v.dtype.name, list(v.shape), base64.b64encode(np.ascontiguousarray(v).tobytes()).decode()]
            for k, v in sorted(self.arrays.items())
        }
        return {"cell": self.cell, "arrays": written}

    @classmethod
    def from_bytes(cls, data: bytes) -> Weights:
        """Returns what `to_bytes` was called on. Raises CorpusError for anything else."""
        try:
            values = json.loads(data)
            arrays = {}
            for name, (dtype, shape, text) in values["arrays"].items():
                if dtype not in DTYPES:
                    raise ValueError(f"dtype {dtype!r:.20}")
                arrays[str(name)] = np.frombuffer(base64.b64decode(text, validate=True), dtype).reshape(shape)
            if not {"W_in", "W_rec", "b"} <= set(arrays):
                raise ValueError("no W_in, W_rec and b")
            return cls(str(values["name"]), str(values["cell"]), arrays, tuple(map(str, values["notes"])))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CorpusError(f"expected the weights of a network: {str(error)[:200]}") from None
