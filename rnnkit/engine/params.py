"""ParamStack: the weights of all networks, or their gradients, by name, as views of one array.

What is done to all weights alike (their norm, clipping, an optimizer's step) is then one call instead of one for each weight.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class ParamStack(Mapping[str, "Tensor"]):
    """Tensors (R, m, n) by name; each is a view of `flat` (R, N), where network r's numbers stand in row r."""

    def __init__(self, flat: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.flat, self.shapes = flat, shapes

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> ParamStack:
        """Copies the tensors into one array. Returns a ParamStack as it is."""
        from torch import cat

        if isinstance(tensors, ParamStack):
            return tensors
        return cls(cat([v.flatten(1) for v in tensors.values()], 1), {k: tuple(v.shape[1:]) for k, v in tensors.items()})

    def like(self, flat: Tensor) -> ParamStack:
        """Returns a ParamStack of these numbers (R, N) under the same names."""
        return ParamStack(flat, self.shapes)

    def columns(self, names: Collection[str]) -> Tensor:
        """Returns a mask (N,), bool: which numbers of a row of `flat` belong to these tensors."""
        from torch import bool as boolean
        from torch import cat

        return cat([self.flat.new_full((m * n,), name in names, dtype=boolean) for name, (m, n) in self.shapes.items()])

    @cached_property
    def _views(self) -> dict[str, Tensor]:
        pieces = self.flat.split([m * n for m, n in self.shapes.values()], 1)
        return {k: piece.unflatten(1, self.shapes[k]) for k, piece in zip(self.shapes, pieces, strict=True)}

    @cached_property
    def norm(self) -> Tensor:
        """Returns the norm over all weights of each network, (R,) float64. In float32 the squares overflow from 1.8e19 on."""
        from torch import float64
        from torch.linalg import vector_norm

        norm = vector_norm(self.flat, dim=1, dtype=float64)
        if self.flat.dtype != float64 or norm.isfinite().all():
            return norm
        largest = self.flat.abs().nan_to_num(0, 0, 0).amax(1, keepdim=True).clamp(min=1)  # float64 overflows too, at 1e154
        return norm.where(norm.isfinite(), (self.flat / largest).norm(dim=1) * largest[:, 0])

    def __getitem__(self, name: str) -> Tensor:
        return self._views[name]

    def __setitem__(self, name: str, values: Tensor) -> None:
        """Overwrites the tensor of this name."""
        self._views[name].copy_(values)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)
