"""Initial values of the weights: of W_rec, each with a gain, and of the gates' biases.

Everything is numpy and drawn on the host: init(rng, fan_in, fan_out, gain) -> W of shape (fan_in, fan_out), one block a
gate, so that the numbers depend on the seed alone and not on the device or on how many networks stand in the stack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Init = Callable[[np.random.Generator, int, int, float], np.ndarray]


def gaussian(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """N(0, gain^2 / (3 fan_in)): at gain 1 the variance of torch.nn's default, U(+-1/sqrt(H)). Spectral radius about 0.58."""
    return rng.standard_normal((fan_in, fan_out)) * gain / np.sqrt(3 * fan_in)


def xavier(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """U(+-gain sqrt(6 / (fan_in + fan_out))): unit gain forward and backward (Glorot & Bengio 2010, eq. 16)."""
    bound = gain * np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_in, fan_out))


def orthogonal(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """gain Q with orthonormal rows or columns, uniform over the group: every singular value is gain (Saxe et al. 2014)."""
    q, r = np.linalg.qr(rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out))))
    q *= np.sign(np.diag(r))  # without it the distribution is not uniform
    return gain * (q if fan_in >= fan_out else q.T)


def identity(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """gain I: with ReLU the IRNN, whose state is copied until something is written (Le, Jaitly & Hinton 2015)."""
    return gain * np.eye(fan_in, fan_out)


def spectral(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """Gaussian, rescaled so that the largest |eigenvalue| is gain (square matrices only)."""
    return with_spectral_radius(rng.standard_normal((fan_in, fan_out)), gain)


def sparse(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """15 non-zero inputs a unit, rescaled to spectral radius gain: "smart tanh" of Pascanu et al. 2013, who take 0.95."""
    return with_spectral_radius(_thinned(rng, fan_in, fan_out, min(15, fan_in)), gain)


def reservoir(rng: np.random.Generator, units: int, radius: float, density: float) -> np.ndarray:
    """An echo state network's W_rec: a share `density` of non-zero inputs a unit, rescaled to spectral radius `radius`."""
    return with_spectral_radius(_thinned(rng, units, units, max(1, round(density * units))), radius)


def _thinned(rng: np.random.Generator, fan_in: int, fan_out: int, inputs: int) -> np.ndarray:
    keep = np.argsort(rng.random((fan_in, fan_out)), axis=0) < inputs
    return np.where(keep, rng.standard_normal((fan_in, fan_out)), 0.0)


def with_spectral_radius(W: np.ndarray, radius: float) -> np.ndarray:
    largest = np.abs(np.linalg.eigvals(W)).max()
    if largest < 1e-9:  # a nilpotent draw (a few units, very sparse) cannot be scaled to any radius
        return radius * np.eye(len(W))
    return W * (radius / largest)


INITS: dict[str, Init] = {
    "gaussian": gaussian,
    "xavier": xavier,
    "orthogonal": orthogonal,
    "identity": identity,
    "sparse": sparse,
    "spectral": spectral,
}


@dataclass(frozen=True)
class GateBias:
    """Initial bias of the gate that keeps the memory: draw(rng, units, length) -> (units,).

    `mirrored`: a separate gate that writes (the LSTM's i) starts at minus these values.
    """

    draw: Callable[[np.random.Generator, int, int], np.ndarray]
    mirrored: bool = False

    def __call__(self, rng: np.random.Generator, units: int, length: int) -> np.ndarray:
        return self.draw(rng, units, length)


def zero(rng: np.random.Generator, units: int, length: int) -> np.ndarray:
    """0: every gate starts half open, and half of the memory is lost at each step."""
    return np.zeros(units)


def forget_1(rng: np.random.Generator, units: int, length: int) -> np.ndarray:
    """1: the keeping gate starts at sigma(1) = 0.73 (Gers et al. 2000; Jozefowicz et al. 2015)."""
    return np.ones(units)


def chrono(rng: np.random.Generator, units: int, length: int) -> np.ndarray:
    """log U(1, T - 1): memories that last between 1 and T steps (Tallec & Ollivier 2018, section 3)."""
    return np.log(rng.uniform(1, max(length - 1, 1), units))


BIASES: dict[str, GateBias] = {
    "zero": GateBias(zero),
    "forget-1": GateBias(forget_1),
    "chrono": GateBias(chrono, mirrored=True),
}


def blocks(init: Init, rng: np.random.Generator, units: int, gates: int, gain: float) -> np.ndarray:
    """W_rec of a gated cell, (H, G H): one independent draw of `init` a gate."""
    return np.concatenate([init(rng, units, units, gain) for _ in range(gates)], axis=1)
