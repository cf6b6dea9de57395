"""One linear recurrent unit that learns from another one: a loss that is hard although no gradient vanishes. numpy alone.

Zucchet & Orvieto 2024, "Recurrent neural networks: vanishing and exploding gradients are not the end of the story". With white
input of variance 1 and the teacher mu, over infinitely many steps,

    h_t = lambda h_{t-1} + x_t,      L(lambda) = E (h_t - h*_t)^2 / E h*_t^2,      h*_t = mu h*_{t-1} + x_t.

The longer the memory, the more the state answers to a change of lambda: E (dh_t/dlambda)^2 = (1 + lambda^2) / (1 - lambda^2)^3.
Reparametrized: lambda = exp(-exp(nu)), and sqrt(1 - lambda^2) x_t enters, so that E h_t^2 = 1 whatever lambda is.
Functions take numbers or arrays that broadcast, with |lambda|, |mu| < 1. L = 1 is the loss of the answer 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

TEACHERS = (0.5, 0.9, 0.99)


def loss(lam: ArrayLike, mu: ArrayLike) -> np.ndarray:
    """Returns L(lambda) = 1 + (1 - mu^2) (1 / (1 - lambda^2) - 2 / (1 - lambda mu))."""
    lam, mu = np.asarray(lam, float), np.asarray(mu, float)
    return 1 + (1 - mu**2) * (1 / (1 - lam**2) - 2 / (1 - lam * mu))


def normalized_loss(nu: ArrayLike, mu: ArrayLike) -> np.ndarray:
    """Returns L reparametrized: 2 - 2 sqrt((1 - lambda^2) (1 - mu^2)) / (1 - lambda mu), lambda = exp(-exp(nu))."""
    lam, mu = eigenvalue(nu), np.asarray(mu, float)
    return 2 - 2 * np.sqrt((1 - lam**2) * (1 - mu**2)) / (1 - lam * mu)


def eigenvalue(nu: ArrayLike) -> np.ndarray:
    """Returns lambda = exp(-exp(nu)), in (0, 1)."""
    return np.exp(-np.exp(np.asarray(nu, float)))


def exponent(lam: ArrayLike) -> np.ndarray:
    """Returns nu = log(-log(lambda)) of lambda in (0, 1)."""
    return np.log(-np.log(np.asarray(lam, float)))


def sensitivity(lam: ArrayLike) -> np.ndarray:
    """Returns E (dh_t/dlambda)^2 = (1 + lambda^2) / (1 - lambda^2)^3."""
    lam = np.asarray(lam, float)
    return (1 + lam**2) / (1 - lam**2) ** 3


def curvature(mu: ArrayLike) -> np.ndarray:
    """Returns d^2 L / dlambda^2 at the solution lambda = mu: 2 (1 + mu^2) / (1 - mu^2)^2."""
    mu = np.asarray(mu, float)
    return 2 * (1 - mu**2) * sensitivity(mu)


def normalized_curvature(mu: ArrayLike) -> np.ndarray:
    """Returns d^2 L / dnu^2 at the solution, reparametrized: 2 (mu log mu / (1 - mu^2))^2. It tends to 1/2 for mu -> 1."""
    mu = np.asarray(mu, float)
    return 2 * (mu * np.log(mu) / (1 - mu**2)) ** 2
