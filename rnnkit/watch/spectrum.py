"""Eigenvalues and singular values of a layer's W_rec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from rnnkit.watch.call import CELL_OF, DIRECTIONS

if TYPE_CHECKING:
    import pandas as pd


def spectrum(modules: Mapping[str, nn.RNNBase]) -> pd.DataFrame:
    """Returns one row for each number; a matrix that is not finite has none. See Watch.spectrum."""
    import pandas as pd

    rows = []
    for name, module in modules.items():
        cell, D = CELL_OF[module.mode], 1 + module.bidirectional
        for i, (_, w_hh, *more) in enumerate(module.all_weights):
            W = w_hh.detach().cpu().double().numpy().reshape(cell.gates, module.hidden_size, -1)
            if module.proj_size:
                W = W @ more[-1].detach().cpu().double().numpy()
            for gate, block in zip(cell.gate_names or ("",), W, strict=True):
                if not np.isfinite(block).all():
                    continue
                values = np.linalg.eigvals(block)
                kinds = {
                    "eigenvalue": values[np.argsort(-np.abs(values))],
                    "singular value": np.linalg.svd(block, compute_uv=False),
                }
                for kind, found in kinds.items():
                    place = {"layer": f"{name}.l{i // D}", "direction": DIRECTIONS[i % D], "gate": gate, "kind": kind}
                    rows += [
                        place | {"rank": rank, "real": float(v.real), "imag": float(v.imag), "abs": float(abs(v))}
                        for rank, v in enumerate(found)
                    ]
    return pd.DataFrame(rows, columns=["layer", "direction", "gate", "kind", "rank", "real", "imag", "abs"])
