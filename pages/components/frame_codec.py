"""One frame of a drawing as bytes: a JSON header and arrays; frame_codec.js decodes it.

The data of a Streamlit component are JSON or bytes, never both. A frame is: uint32 length of the header, the header as JSON in
UTF-8, then the arrays in C order. All is little-endian. The header and each array are padded to a multiple of 8 bytes, counted
from the frame's first byte, so that JavaScript can read the arrays in place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

ALIGNMENT = 8  # bytes, the size of the largest type
TYPES = {("f", 4): "<f4", ("i", 4): "<i4", ("u", 2): "<u2"}  # that frame_codec.js reads: kind, bytes -> dtype
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode(header: Mapping[str, Any], /, **arrays: np.ndarray) -> bytes:
    """Returns the frame. Its header gets the entry "arrays": [name, dtype, shape] of each array.

    Raises ValueError for a NaN in the header, which JSON does not know, and for an array of another type than TYPES.
    """
    listed: list[Any] = []
    body: list[Any] = []
    for name, a in arrays.items():
        dtype = TYPES.get((a.dtype.kind, a.dtype.itemsize))
        if dtype is None:
            raise ValueError(f"expected an array of one of the types {', '.join(TYPES.values())}, got {name} of {a.dtype}")
        listed.append((name, dtype, a.shape))
        body += np.ascontiguousarray(a, dtype), bytes(-a.nbytes % ALIGNMENT)
    text = _json({**header, "arrays": listed}).encode()
    return b"".join((len(text).to_bytes(4, "little"), text, bytes(-(4 + len(text)) % ALIGNMENT), *body))
