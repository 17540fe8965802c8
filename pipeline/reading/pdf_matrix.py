"""Matrices as PDF has them, one or many at once.

Here: products, moved points and boxes, the way a direction points. Not here: what they are of.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Matrix = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def times(a: Matrix, b: Matrix) -> Matrix:
    """The matrix that applies a, then b."""
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    )


def moved(m: Matrix, x: float, y: float) -> tuple[float, float]:
    """A point moved by a matrix."""
    return (m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5])


def moved_box(m: Matrix, left: float, bottom: float, right: float, top: float) -> Box:
    """The box around a box moved by a matrix."""
    ends = [moved(m, x, y) for x in (left, right) for y in (bottom, top)]
    xs, ys = [e[0] for e in ends], [e[1] for e in ends]
    return (min(xs), min(ys), max(xs), max(ys))


def quarters(dx: Floats, dy: Floats) -> NDArray[np.int8]:
    """Quarter turns clockwise of writing directions (y pointing down); -1 for askew."""
    wide, high = np.abs(dx), np.abs(dy)
    long, short = np.maximum(wide, high), np.minimum(wide, high)
    lying, standing = np.where(dx > 0, 0, 2), np.where(dy > 0, 1, 3)
    askew = (long == 0) | (short > 0.14 * long)
    return np.where(askew, -1, np.where(wide >= high, lying, standing)).astype(np.int8)


def all_times(a: Floats, b: Floats) -> Floats:
    """First a, then b, row by row."""
    return np.column_stack(
        (
            a[:, 0] * b[:, 0] + a[:, 1] * b[:, 2],
            a[:, 0] * b[:, 1] + a[:, 1] * b[:, 3],
            a[:, 2] * b[:, 0] + a[:, 3] * b[:, 2],
            a[:, 2] * b[:, 1] + a[:, 3] * b[:, 3],
            a[:, 4] * b[:, 0] + a[:, 5] * b[:, 2] + b[:, 4],
            a[:, 4] * b[:, 1] + a[:, 5] * b[:, 3] + b[:, 5],
        )
    )


def inverse(m: Matrix) -> Matrix:
    """The matrix that undoes another; the identity where there is none."""
    area = m[0] * m[3] - m[1] * m[2]
    if area == 0:
        return IDENTITY
    a, b, c, d = m[3] / area, -m[1] / area, -m[2] / area, m[0] / area
    return (a, b, c, d, -(a * m[4] + c * m[5]), -(b * m[4] + d * m[5]))
