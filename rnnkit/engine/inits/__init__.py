"""Initial values of W_rec and of the gates' biases, a file each. A new one is one more file and one more line in a registry."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import GateBias, Init
from rnnkit.engine.inits.bias_chrono import CHRONO
from rnnkit.engine.inits.bias_forget_1 import FORGET_1
from rnnkit.engine.inits.bias_zero import ZERO
from rnnkit.engine.inits.gaussian import GAUSSIAN
from rnnkit.engine.inits.identity import IDENTITY
from rnnkit.engine.inits.orthogonal import ORTHOGONAL
from rnnkit.engine.inits.reservoir import reservoir
from rnnkit.engine.inits.sparse import SPARSE
from rnnkit.engine.inits.spectral import SPECTRAL
from rnnkit.engine.inits.xavier import XAVIER

__all__ = ["BIASES", "INITS", "GateBias", "Init", "blocks", "reservoir"]

INITS: dict[str, Init] = {
    "gaussian": GAUSSIAN,
    "xavier": XAVIER,
    "orthogonal": ORTHOGONAL,
    "identity": IDENTITY,
    "sparse": SPARSE,
    "spectral": SPECTRAL,
}
BIASES: dict[str, GateBias] = {
    "zero": ZERO,
    "forget-1": FORGET_1,
    "chrono": CHRONO,
}


def blocks(init: Init, rng: np.random.Generator, units: int, gates: int, gain: float) -> np.ndarray:
    """W_rec of a gated cell, (H, G H): one independent draw of `init` a gate."""
    return np.concatenate([init(rng, units, units, gain) for _ in range(gates)], axis=1)
