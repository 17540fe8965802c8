"""Calls into PDFium for inner loops: handles as bare addresses, results of many calls in one array.

Here: the functions that pdf_objects uses per object and per character, and how to call one of them
for many at once without a loop in Python. Not here: what their results mean.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pypdfium2.raw as raw
from numpy.typing import NDArray


def _fast(function: object, result: type | None, *arguments: type) -> ctypes._FuncPointer:  # type: ignore[name-defined]
    """A call with handles as bare addresses: several times cheaper than the typed one, for inner loops."""
    address = ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
    return ctypes.CFUNCTYPE(result, *arguments)(address)


_P, _I = ctypes.c_void_p, ctypes.c_int
char_code = _fast(raw.FPDFText_GetUnicode, ctypes.c_uint, _P, _I)
char_box = _fast(raw.FPDFText_GetLooseCharBox, _I, _P, _I, _P)
char_tight_box = _fast(raw.FPDFText_GetCharBox, _I, _P, _I, _P, _P, _P, _P)
char_origin = _fast(raw.FPDFText_GetCharOrigin, _I, _P, _I, _P, _P)
char_object = _fast(raw.FPDFText_GetTextObject, _P, _P, _I)
char_unmapped = _fast(raw.FPDFText_HasUnicodeMapError, _I, _P, _I)
page_object = _fast(raw.FPDFPage_GetObject, _P, _P, _I)
form_count = _fast(raw.FPDFFormObj_CountObjects, _I, _P)
form_object = _fast(raw.FPDFFormObj_GetObject, _P, _P, ctypes.c_ulong)
object_type = _fast(raw.FPDFPageObj_GetType, _I, _P)
object_matrix = _fast(raw.FPDFPageObj_GetMatrix, _I, _P, _P)
object_bounds = _fast(raw.FPDFPageObj_GetBounds, _I, _P, _P, _P, _P, _P)
object_transparent = _fast(raw.FPDFPageObj_HasTransparency, _I, _P)
fill_colour = _fast(raw.FPDFPageObj_GetFillColor, _I, _P, _P, _P, _P, _P)
stroke_width = _fast(raw.FPDFPageObj_GetStrokeWidth, _I, _P, _P)
text_size = _fast(raw.FPDFTextObj_GetFontSize, _I, _P, _P)
text_mode = _fast(raw.FPDFTextObj_GetTextRenderMode, _I, _P)
text_font = _fast(raw.FPDFTextObj_GetFont, _P, _P)
path_count = _fast(raw.FPDFPath_CountSegments, _I, _P)
path_mode = _fast(raw.FPDFPath_GetDrawMode, _I, _P, _P, _P)
path_segment = _fast(raw.FPDFPath_GetPathSegment, _P, _P, _I)
segment_type = _fast(raw.FPDFPathSegment_GetType, _I, _P)
segment_point = _fast(raw.FPDFPathSegment_GetPoint, _I, _P, _P, _P)
segment_close = _fast(raw.FPDFPathSegment_GetClose, _I, _P)
clip_path = _fast(raw.FPDFPageObj_GetClipPath, _P, _P)
clip_count = _fast(raw.FPDFClipPath_CountPaths, _I, _P)
clip_segments = _fast(raw.FPDFClipPath_CountPathSegments, _I, _P, _I)
clip_segment = _fast(raw.FPDFClipPath_GetPathSegment, _P, _P, _I, _I)


def filled(
    call: Callable[..., Any], handles: Sequence[int], kind: type[np.generic], each: int = 1
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """``call(handle, address...)`` for every handle, each with the addresses of its own row's places.

    Returns:
        (rows, which calls succeeded): rows of ``each`` values of ``kind``, zero where a call failed.
    """
    values = np.zeros((len(handles), each), dtype=kind)
    done = np.fromiter(map(call, handles, *places(values)), dtype=bool, count=len(handles))
    return values, done


def places(values: NDArray[Any]) -> list[range]:
    """For each column of an array, the addresses of its values row by row."""
    rows, size = len(values), values.itemsize
    step = size * values.shape[1]
    base = values.ctypes.data
    return [range(base + i * size, base + i * size + rows * step, step) for i in range(values.shape[1])]


def first_places(values: NDArray[Any]) -> range:
    """The addresses of the rows of an array, for calls that fill a structure."""
    return range(values.ctypes.data, values.ctypes.data + values.nbytes, values.itemsize * values.shape[1])


def each_of(call: Callable[..., Any], *arguments: Iterable[Any]) -> None:
    """Call for every set of arguments, results left alone."""
    deque(map(call, *arguments), maxlen=0)


def whole(call: Callable[..., Any], handles: Iterable[int], count: int) -> NDArray[np.int64]:
    """A number of each handle; handles of none are 0."""
    return np.fromiter((found or 0 for found in map(call, handles)), dtype=np.int64, count=count)


def by_index(call: Callable[..., Any], handle: int | None, count: int) -> list[Any]:
    """``call(handle, i)`` for i below ``count``."""
    return list(map(call, repeat(handle, count), range(count)))
