"""Weights in torch.nn's layout, a state_dict, as rnnkit's: of arrays, of a .safetensors or .npz file. With numpy alone."""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnkit.engine.cells import CELLS
from rnnkit.errors import join_names, shorten_repr
from rnnkit.tasks.weights import Weights

MODULES = {"tanh": "RNN", "relu": "RNN", "lstm": "LSTM", "gru": "GRU"}  # cell -> torch.nn's module
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
SAFE_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # a bfloat16 is the upper half of a float32
MAX_HEAD_BYTES = 10_000_000  # of .safetensors
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)  # the last: it is encrypted
HOW_TO_SAVE = 'np.savez("weights.npz", **{k: v.cpu().numpy() for k, v in model.state_dict().items()})'


def from_torch(source: Mapping[str, np.ndarray], nonlinearity: str = "tanh") -> tuple[str, dict[str, np.ndarray]]:
    """Returns the cell's name and the weights of the only one-layer, one-direction RNN, LSTM or GRU of a state_dict.

    Shapes as in Weights. The readout is the only linear layer that reads H numbers, if there is one. An RNN or LSTM has one bias
    here, b = bias_ih + bias_hh. nonlinearity: of an nn.RNN, which a state_dict does not name. Raises ValueError where there is
    no such layer, or more than one.
    """
    place = _only_layer(source)
    w_ih, w_hh = source[place + NAMES[0]], source[place + NAMES[1]]
    H = w_hh.shape[1] if w_hh.ndim == 2 else 0
    G = len(w_hh) // H if H else 0
    cell = {1: nonlinearity, 3: "gru", 4: "lstm"}.get(G, "")
    if cell not in MODULES or w_hh.shape != (G * H, H):
        raise ValueError(f"expected weight_hh of H, 3 H or 4 H rows, tanh or relu, got {w_hh.shape}, {nonlinearity!r:.20}")
    b_ih, b_hh = (source.get(place + name, np.zeros(G * H, w_hh.dtype)) for name in NAMES[2:])
    if w_ih.ndim != 2 or len(w_ih) != G * H or not b_ih.shape == b_hh.shape == (G * H,):
        raise ValueError(f"expected weight_ih and both biases of {G * H} rows, got {w_ih.shape}, {b_ih.shape}, {b_hh.shape}")
    apart = CELLS[cell].recurrent_bias
    found = {"W_in": w_ih.T, "W_rec": w_hh.T, "b": (b_ih if apart else b_ih + b_hh)[None]}
    found |= {"b_rec": b_hh[None]} if apart else {}
    linear = [k for k, w in source.items() if k.endswith("weight") and not k.startswith(place + "w") and w.shape[1:] == (H,)]
    if len(linear) == 1:
        W_out = source[linear[0]].T
        b_out = source.get(linear[0].removesuffix("weight") + "bias", np.zeros(W_out.shape[1], W_out.dtype))
        found |= {"W_out": W_out, "b_out": b_out[None]}
    return cell, found


def _only_layer(source: Mapping[str, np.ndarray]) -> str:
    """What stands before weight_hh_l0 in the names. Raises ValueError where there is no such layer, or several."""
    found = [name for name in source if name.rpartition(".")[2].startswith("weight_hh_l")]
    if len(found) != 1 or not found[0].endswith(NAMES[1]) or found[0].removesuffix(NAMES[1]) + NAMES[0] not in source:
        raise ValueError(
            "expected one nn.RNN, nn.LSTM or nn.GRU of one layer and direction, got "
            f"{join_names(found) if found else 'no weight_hh_l0 among ' + (join_names(source) or 'nothing')}"
        )
    return found[0].removesuffix(NAMES[1])


# ---- files ----


def read_weights(data: bytes, name: str, nonlinearity: str = "tanh") -> Weights:
    """Returns the weights in the bytes of a .safetensors or .npz file: a state_dict's names and arrays.

    Nothing in it is executed: a pickle, such as the .pt file of torch.save, is refused. The numbers become float32, or stay
    float64. Raises ValueError for any other file, and for weights that `from_torch` refuses or that are not finite in float32.
    """
    arrays = _npz(data) if data.startswith(b"PK\x03\x04") else _safetensors(data)
    exact = {k: v.astype(np.float64 if v.dtype.itemsize == 8 else np.float32, copy=False) for k, v in arrays.items()}
    cell, found = from_torch(exact, nonlinearity)  # before it adds the biases
    found = {k: np.ascontiguousarray(v) for k, v in found.items()}
    with np.errstate(over="ignore"):
        wrong = [k for k, v in found.items() if not np.isfinite(v.astype(np.float32)).all()]  # in which they train
    if wrong:
        raise ValueError(f"expected weights that are finite in float32, got others in {join_names(wrong)}")
    return Weights(name, cell, found)


def _npz(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of an .npz file. Raises ValueError for another ZIP archive, and for a pickle in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if any(member.filename.endswith("data.pkl") for member in members):
                raise ValueError("a .pt file is a pickle, which can run code")
            if (size := sum(member.file_size for member in members)) > 4 * len(data) + 1_000_000:
                raise ValueError(f"{size:,} bytes are packed in {len(data):,}, at most 4 times as many are read")
            named = {member.filename.removesuffix(".npy"): archive.read(member) for member in members}
        return {name: values for name, member in named.items() if (values := _npy(member)).dtype.kind == "f"}
    except (ValueError, TypeError, LookupError, OverflowError, OSError, EOFError, *ZIP_ERRORS) as error:
        raise ValueError(f"expected an .npz file as of {HOW_TO_SAVE}, got another or a damaged one: {str(error)[:200]}") from None


def _npy(member: bytes) -> np.ndarray:
    """The array of an .npy file; of pickled objects an empty one. Nothing is allocated that the file does not hold."""
    file = io.BytesIO(member)
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, columns_first, dtype = header(file)
    if dtype.kind != "f":
        return np.empty(0, bool)
    return np.frombuffer(member, dtype, math.prod(shape), file.tell()).reshape(shape, order="F" if columns_first else "C")


def _safetensors(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of a .safetensors file: 8 bytes, length of a JSON object; the object; the numbers. Other dtypes are left out."""
    try:
        length = int.from_bytes(data[:8], "little")
        if not 2 <= length <= min(MAX_HEAD_BYTES, len(data) - 8):
            raise ValueError(f"the head would have {length:,} bytes")
        head: dict[str, Any] = json.loads(data[8 : 8 + length])
        body, found = memoryview(data)[8 + length :], {}
        for name, entry in head.items():
            if name == "__metadata__" or entry["dtype"] not in SAFE_DTYPES:
                continue
            start, end = entry["data_offsets"]
            if not 0 <= start <= end <= len(body):
                raise ValueError(f"{shorten_repr(name)} would end at byte {shorten_repr(end)} of {len(body):,}")
            values = np.frombuffer(body[start:end], SAFE_DTYPES[entry["dtype"]]).reshape(entry["shape"])
            found[name] = (values.astype("<u4") << 16).view("<f4") if entry["dtype"] == "BF16" else values
        return found
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"expected a .safetensors or .npz file, got a damaged or another one: {str(error)[:200]}") from None
