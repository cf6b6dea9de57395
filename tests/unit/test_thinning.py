"""What is drawn of many rows."""

import numpy as np
import pytest

from rnnkit.thinning import evenly


@pytest.mark.parametrize("most", [1, 2, 3, 8, 36, 60, 120, 1200])
def test_as_many_as_may_be_with_both_ends(most):
    for n in (0, 1, 2, 7, 60, 61, 119, 1000, 12345):
        at = evenly(n, most)
        assert at.dtype.kind == "i" and len(at) == min(n, most) and (np.diff(at) > 0).all()
        if n:
            assert at[0] == 0 and (at[-1] == n - 1 or most == 1) and np.arange(n)[at].tolist() == at.tolist()
        if n <= most:
            assert at.tolist() == list(range(n))
        elif most > 1:
            assert np.ptp(np.diff(at)) <= 1, "evenly"
