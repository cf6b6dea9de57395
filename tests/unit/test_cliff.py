"""The one-unit network: its gradient, gradient descent with and without clipping, its fixed points, and where the wall stands."""

import numpy as np
import pytest
import torch

from rnnkit.analysis import error_surface

rng = np.random.default_rng(0)
W, B = rng.uniform(-3, 7, 40), rng.uniform(-4, 4, 40)


def by_autograd(w, b, steps=error_surface.STEPS):
    w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (w, b))
    x = torch.full_like(w, error_surface.X0)
    for _ in range(steps):
        x = w * torch.sigmoid(x) + b
    E = (torch.sigmoid(x) - error_surface.TARGET) ** 2
    return E.detach().numpy(), *(g.numpy() for g in torch.autograd.grad(E.sum(), (w, b)))


@pytest.mark.parametrize("steps", [1, 2, error_surface.STEPS])
def test_error_and_gradient_are_those_of_autograd(steps):
    for ours, theirs in zip(error_surface.gradient(W, B, steps), by_autograd(W, B, steps), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-14)


def test_on_the_wall_too():
    w = np.array([4.5, 5.0, 6.0])
    b = error_surface.wall(w) + np.array([1e-3, -1e-4, 1e-6])
    for ours, theirs in zip(error_surface.gradient(w, b), by_autograd(w, b), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_gradient_is_that_of_finite_differences():
    h = 1e-6
    E, dw, db = error_surface.gradient(W, B)
    np.testing.assert_array_equal(E, error_surface.error(W, B))
    np.testing.assert_allclose(
        dw, (error_surface.error(W + h, B) - error_surface.error(W - h, B)) / (2 * h), rtol=1e-3, atol=1e-8
    )
    np.testing.assert_allclose(
        db, (error_surface.error(W, B + h) - error_surface.error(W, B - h)) / (2 * h), rtol=1e-3, atol=1e-8
    )


def test_numbers_and_arrays_agree():
    E, dw, db = error_surface.gradient(W, B)
    for i in range(5):
        np.testing.assert_allclose([v[i] for v in (E, dw, db)], error_surface.gradient(W[i], B[i]), rtol=1e-12)


def test_huge_weights_do_not_overflow():
    with np.errstate(all="raise", under="ignore"):
        values = error_surface.gradient(np.array([1e5, -1e5, 0.0]), np.array([-1e5, 1e5, 1e300]))
    assert np.isfinite(values).all()


# ---- the mesh ----


def test_mesh_fills_the_rectangle_and_the_wall_lies_between_two_rows():
    w, b = error_surface.mesh((3.6, 6.4), (-3.6, -1.4), 29, 40)
    assert w.shape == b.shape == (40, 29)
    assert (np.diff(b, axis=0) > 0).all()
    assert (w[0] == w[-1]).all() and w[0, 0] == 3.6 and w[0, -1] == 6.4
    np.testing.assert_allclose(b[[0, -1]], [[-3.6] * 29, [-1.4] * 29])
    line = error_surface.wall(w[0])
    there = ~np.isnan(line)
    assert there.sum() > 20
    assert ((b[19] < line) & (line < b[20]))[there].all()
    E = error_surface.error(w, b)
    high = there & (w[0] > 5)
    assert (E[19] - E[20] > 0.15)[high].all(), "the wall is high"


# ---- descent ----


def test_clipped_steps_are_never_longer_than_lr_times_threshold_and_keep_the_direction():
    lr, threshold = 0.2, 0.3
    starts = rng.uniform((4, -3), (6, -2), (30, 2)).T
    d = error_surface.descend(*starts, lr, 60, threshold)
    moves = np.stack([np.diff(d.w, axis=0), np.diff(d.b, axis=0)])
    lengths = np.hypot(*moves)
    assert (lengths <= lr * threshold * (1 + 1e-9)).all()
    long = d.norm[:-1] > threshold
    assert 0 < long.sum() < long.size
    np.testing.assert_allclose(lengths[long], lr * threshold, rtol=1e-6)
    np.testing.assert_allclose(lengths[~long], lr * d.norm[:-1][~long], rtol=1e-6, atol=1e-12)
    _, dw, db = error_surface.gradient(d.w[:-1], d.b[:-1])
    cosine = -(moves[0] * dw + moves[1] * db) / np.maximum(lengths * d.norm[:-1], 1e-300)
    np.testing.assert_allclose(cosine[lengths > 1e-9], 1, atol=1e-6)


def test_paths_side_by_side_are_the_paths_alone():
    both = error_surface.descend(4.9, -2.3, 0.15, 40, [np.inf, 0.4])
    for k, threshold in enumerate((np.inf, 0.4)):
        alone = error_surface.descend(4.9, -2.3, 0.15, 40, threshold)
        for column, one in zip(both, alone, strict=True):
            np.testing.assert_array_equal(column[:, k], one[:, 0])


def test_an_infinite_threshold_is_plain_gradient_descent():
    d = error_surface.descend(5.0, -2.0, 0.1, 10)
    _, dw, db = error_surface.gradient(d.w, d.b)
    np.testing.assert_allclose(d.w[1:], (d.w - 0.1 * dw)[:-1])
    np.testing.assert_allclose(d.b[1:], (d.b - 0.1 * db)[:-1])
    np.testing.assert_allclose(d.norm, np.hypot(dw, db))


# ---- fixed points ----


@pytest.mark.parametrize(
    "w, b", [*zip(W[:20], B[:20], strict=True), (5.0, -2.5), (6.0, -3.0), (4.0, -2.0), (0.0, 1.0), (-8.0, 1.0)]
)
def test_fixed_points_satisfy_the_equation_and_know_whether_they_are_stable(w, b):
    points = error_surface.fixed_points(float(w), float(b))
    assert len(points) in (1, 2, 3) and (w > 4 or len(points) == 1)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    for x, stable in points:
        s = error_surface.sigma(x)
        assert abs(w * s + b - x) < 1e-10
        assert stable == (abs(w * s * (1 - s)) < 1)


@pytest.mark.parametrize("w", [4.2, 5.0, 6.0])
def test_two_fixed_points_are_born_at_the_births(w):
    low, high = (float(v) for v in error_surface.saddle_nodes(w))
    assert low < high
    for b, count in ((low - 1e-6, 1), (low + 1e-6, 3), (high - 1e-6, 3), (high + 1e-6, 1)):
        points = error_surface.fixed_points(w, b)
        assert len(points) == count, b
        assert [stable for _, stable in points] == ([True, False, True] if count == 3 else [True])
    assert np.isnan(error_surface.saddle_nodes(3.9)).all()


def test_the_unit_settles_at_a_stable_fixed_point_and_the_wall_is_the_border():
    for w in (4.6, 5.0, 6.0):
        border = float(error_surface.wall(w))
        low, high = error_surface.saddle_nodes(w)
        assert low < border < high
        below, above = (float(error_surface.forward(w, border + d, 400)[0]) for d in (-0.01, 0.01))
        (first, _), (_, unstable), (last, _) = error_surface.fixed_points(w, border - 0.01)
        assert not unstable and abs(below - first) < 1e-9
        assert abs(above - error_surface.fixed_points(w, border + 0.01)[-1][0]) < 1e-9
        assert first < error_surface.X0 < last
        assert error_surface.fixed_points(w, border)[1][0] == pytest.approx(error_surface.X0, abs=1e-9)
    assert np.isnan(error_surface.wall(4.2)), "there x_0 would be a stable fixed point"


def test_along_w_and_along_b_solve_the_equation():
    x = np.linspace(-6, 6, 99)
    w = error_surface.along_w(-2.5, x)
    np.testing.assert_allclose(w.at * error_surface.sigma(x) - 2.5, x, atol=1e-12)
    b = error_surface.along_b(5.0, x)
    np.testing.assert_allclose(5.0 * error_surface.sigma(x) + b.at, x, atol=1e-12)
    for one, w_at, b_at in ((w, w.at, np.full(99, -2.5)), (b, np.full(99, 5.0), b.at)):
        for k in range(0, 99, 7):
            nearest = min(error_surface.fixed_points(float(w_at[k]), float(b_at[k])), key=lambda p: abs(p[0] - x[k]))
            assert abs(nearest[0] - x[k]) < 1e-6 and nearest[1] == one.stable[k]


# ---- what the page claims ----


def test_around_the_default_start_descent_is_thrown_and_clipping_gets_down():
    """A neighbourhood of starts, not one: most are thrown far without clipping; all end low with it."""
    from pages.exploding import CLIP, RATE, START, STEPS

    starts = np.random.default_rng(7).uniform(-0.1, 0.1, (60, 2)) + START
    free = error_surface.descend(*starts.T, RATE, STEPS)
    clipped = error_surface.descend(*starts.T, RATE, STEPS, CLIP)
    far = np.hypot(free.w - starts[:, 0], free.b - starts[:, 1]).max(0)
    assert (far > 1).mean() > 0.7 and (far > 3).mean() > 0.4
    assert (free.error[-1] > 0.05).mean() > 0.75
    assert (clipped.error[-1] < 0.02).all()
    assert (clipped.error[-1] < free.error[-1]).mean() > 0.85
    assert np.hypot(clipped.w - starts[:, 0], clipped.b - starts[:, 1]).max() < 1


def test_the_default_start_is_thrown_out_of_the_picture():
    from pages.exploding import CLIP, RATE, START, STEPS, W

    d = error_surface.descend(*START, RATE, STEPS, [np.inf, CLIP])
    assert d.w[:, 0].max() > 10 * W[1]
    assert d.error[-1, 0] == pytest.approx((1 - error_surface.TARGET) ** 2, abs=1e-3), (
        "sigma(x_T) is 1 there, and the surface flat"
    )
    assert d.norm[-1, 0] < 1e-9 and d.error[-1, 1] < 0.01
    assert W[0] < d.w[:, 1].min() and d.w[:, 1].max() < W[1]


@pytest.mark.parametrize("w, b", [(82.93, 124.0), (5.0, 40.0), (5.0, -60.0)])
def test_a_gradient_on_the_flat_is_tiny_and_not_0(w, b):
    """Where every sigma(x_t) is rounded to 0 or 1, dx_T is all that counts: 2 (sigma(x_T) - 0.7) exp(-|x_T|)."""
    x = w * (b > 0) + b
    _, _, db = error_surface.gradient(w, b)
    assert db == pytest.approx(2 * ((b > 0) - error_surface.TARGET) * np.exp(-abs(x)), rel=1e-6, abs=0)
    assert error_surface.slope([-1000.0, 0.0, 1000.0]).tolist() == [0, 0.25, 0]
