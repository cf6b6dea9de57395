"""Contrast of two colours (WCAG)."""

import numpy as np

XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])


def linear(colour):
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """WCAG 2: of relative luminances."""
    low, high = sorted(float(XYZ[1] @ linear(colour)) + 0.05 for colour in (a, b))
    return high / low
