"""Multiply one or two vectors with very many others of 8 bits, and read each product off a table.

    products = Products(codes, scale, table, offset)      # compiled, once for all that is asked
    read = products(rows)                                 # (1, N) or (2, N) float32

It is what a look at all sketches of an archive consists of, where a single moment is looked for
many times a second. The vectors become constants of a graph: the runtime keeps them as they are, in
8 bits, and multiplies as it does in networks whose weights are compressed, on all cores. The codes
are read once for both vectors; reading the table is done for each.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.models.runtime import compile_graph, openvino

__all__ = ["SIDES", "Products"]

SIDES = 2
"""How many vectors may be multiplied at once: a picture's and that of its mirror image."""


class Products:
    """The products of one or two vectors with `codes` (N, K) int8, read off a `table` (T,) float32.

    A product p becomes `table[int(p + offset)]`, the ends of the table standing for what lies
    beyond. Where not `exact`, the vectors are rounded to 8 bits, too, which is quicker on most
    processors and changes products by some hundredths of their usual size. Safe among threads, one
    at a time.
    """

    def __init__(
        self,
        codes: NDArray[np.int8],
        table: NDArray[np.float32],
        offset: float,
        *,
        exact: bool = False,
    ) -> None:
        self._lock = threading.Lock()
        self._count, self._width = codes.shape
        self._request = _compiled(codes, table, offset, exact) if self._count else None

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the values read for each product of rows (1, K) or (2, K), (1, N) or (2, N)."""
        if rows.ndim != 2 or not 1 <= len(rows) <= SIDES or rows.shape[1] != self._width:
            raise ValueError(
                f"1 to {SIDES} rows of {self._width} numbers are wanted, not {rows.shape}"
            )
        if self._request is None:
            return np.zeros((len(rows), 0), np.float32)
        with self._lock:
            self._request.infer({0: np.ascontiguousarray(rows, np.float32)}, share_inputs=True)
            return np.array(self._request.get_output_tensor(0).data, np.float32)


def _compiled(
    codes: NDArray[np.int8], table: NDArray[np.float32], offset: float, exact: bool
) -> Any:
    ov = openvino()
    op = ov.opset13
    given = op.parameter([ov.Dimension(1, SIDES), codes.shape[1]], np.float32)
    # Whole numbers times one: the form in which the runtime knows compressed weights.
    whole = op.convert(op.constant(np.ascontiguousarray(codes)), np.float32)
    ones = op.constant(np.ones((len(codes), 1), np.float32))
    product = op.matmul(given, op.multiply(whole, ones), False, True)
    place = op.clamp(op.add(product, op.constant(np.float32(offset))), 0, len(table) - 1)
    axis = op.constant(np.int32(0))
    read = op.gather(op.constant(np.asarray(table, np.float32)), op.convert(place, np.int32), axis)
    how = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        **({"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"} if exact else {}),
    }
    model = ov.Model([read], [given])
    return compile_graph(model, how).create_infer_request()
