"""The context of all computation: denormal numbers are flushed to zero within it, and nowhere else."""

import pytest
import torch

from rnnkit.engine.denormals import no_grad_no_denormals


def flushed():
    return bool(torch.tensor(1e-310, dtype=torch.float64) * 0.5 == 0)


@pytest.mark.parametrize("before", [True, False])
def test_the_callers_setting_is_restored(before):
    torch.set_flush_denormal(before)
    try:
        with no_grad_no_denormals():
            assert flushed() and torch.is_inference_mode_enabled()
        assert flushed() == before and not torch.is_inference_mode_enabled()
        with pytest.raises(KeyError), no_grad_no_denormals():
            raise KeyError
        assert flushed() == before
    finally:
        torch.set_flush_denormal(False)
