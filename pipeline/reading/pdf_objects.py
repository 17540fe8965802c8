"""What PDFium finds on a page, as plain arrays: glyphs, rules, fills, pictures, outlines.

Here: opening a file, walking page objects (also those inside form XObjects), and turning their
coordinates into points from the top left of the page as shown. Nothing of PDFium leaves this module.
Not here: which glyphs count (pdf_clean), what is a table (pdf_geometry) or a line (pdf_text).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from pipeline.reading.document import ReadingError

MAX_OBJECTS = 200_000
MAX_GLYPHS = 200_000
MAX_DEPTH = 12
THIN = 4.0
"""A filled rectangle no thicker than this (points) is a rule."""
WHITE = 0.97
_OUTLINE_SEGMENTS = 400
_PASSWORD = 4

Floats = NDArray[np.float64]
Matrix = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]
_six_floats = struct.Struct("6f").unpack
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def _fast(function: object, result: type | None, *arguments: type) -> ctypes._FuncPointer:  # type: ignore[name-defined]
    """A call with handles as bare addresses: several times cheaper than the typed one, for inner loops."""
    address = ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
    return ctypes.CFUNCTYPE(result, *arguments)(address)


_P, _I = ctypes.c_void_p, ctypes.c_int
_char_code = _fast(raw.FPDFText_GetUnicode, ctypes.c_uint, _P, _I)
_char_box = _fast(raw.FPDFText_GetLooseCharBox, _I, _P, _I, _P)
_char_tight_box = _fast(raw.FPDFText_GetCharBox, _I, _P, _I, _P, _P, _P, _P)
_char_origin = _fast(raw.FPDFText_GetCharOrigin, _I, _P, _I, _P, _P)
_char_object = _fast(raw.FPDFText_GetTextObject, _P, _P, _I)
_char_unmapped = _fast(raw.FPDFText_HasUnicodeMapError, _I, _P, _I)
_page_object = _fast(raw.FPDFPage_GetObject, _P, _P, _I)
_form_count = _fast(raw.FPDFFormObj_CountObjects, _I, _P)
_form_object = _fast(raw.FPDFFormObj_GetObject, _P, _P, ctypes.c_ulong)
_object_type = _fast(raw.FPDFPageObj_GetType, _I, _P)
_object_matrix = _fast(raw.FPDFPageObj_GetMatrix, _I, _P, _P)
_object_bounds = _fast(raw.FPDFPageObj_GetBounds, _I, _P, _P, _P, _P, _P)
_object_transparent = _fast(raw.FPDFPageObj_HasTransparency, _I, _P)
_fill_colour = _fast(raw.FPDFPageObj_GetFillColor, _I, _P, _P, _P, _P, _P)
_stroke_width = _fast(raw.FPDFPageObj_GetStrokeWidth, _I, _P, _P)
_text_size = _fast(raw.FPDFTextObj_GetFontSize, _I, _P, _P)
_text_mode = _fast(raw.FPDFTextObj_GetTextRenderMode, _I, _P)
_text_font = _fast(raw.FPDFTextObj_GetFont, _P, _P)
_path_count = _fast(raw.FPDFPath_CountSegments, _I, _P)
_path_mode = _fast(raw.FPDFPath_GetDrawMode, _I, _P, _P, _P)
_path_segment = _fast(raw.FPDFPath_GetPathSegment, _P, _P, _I)
_segment_type = _fast(raw.FPDFPathSegment_GetType, _I, _P)
_segment_point = _fast(raw.FPDFPathSegment_GetPoint, _I, _P, _P, _P)
_segment_close = _fast(raw.FPDFPathSegment_GetClose, _I, _P)
_clip_path = _fast(raw.FPDFPageObj_GetClipPath, _P, _P)
_clip_count = _fast(raw.FPDFClipPath_CountPaths, _I, _P)
_clip_segments = _fast(raw.FPDFClipPath_CountPathSegments, _I, _P, _I)
_clip_segment = _fast(raw.FPDFClipPath_GetPathSegment, _P, _P, _I, _I)


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a page, one entry each in every array, in drawing order of their text.

    Boxes, ``x`` and ``base`` (where the character's base line begins) are points of the page as
    shown; ``em`` the font size; ``quarter`` how many quarter turns clockwise the character stands
    (-1 for askew); ``order`` the place in drawing order; ``mode`` the text render mode (3 is
    invisible); ``ink`` 0 for black to 1 for white or fully transparent; ``bad`` where the font does
    not say which character it is.
    """

    code: NDArray[np.int32]
    left: Floats
    top: Floats
    right: Floats
    bottom: Floats
    x: Floats
    base: Floats
    em: Floats
    quarter: NDArray[np.int8]
    order: NDArray[np.int32]
    mode: NDArray[np.int8]
    ink: Floats
    bad: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.code)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Glyphs:
        """The chosen glyphs, by mask or by index."""
        return Glyphs(*(getattr(self, f.name)[which] for f in fields(self)))

    @property
    def cx(self) -> Floats:
        """Centres, left to right."""
        return (self.left + self.right) / 2

    @property
    def cy(self) -> Floats:
        """Centres, top to bottom."""
        return (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled rectangle too thick for a rule. ``ink`` as of glyphs; ``opaque`` if it hides what is below."""

    box: Box
    ink: float
    order: int
    opaque: bool


@dataclass(frozen=True, slots=True)
class Image:
    """A picture's place on the page."""

    box: Box
    order: int
    opaque: bool


@dataclass(frozen=True, slots=True)
class PageContent:
    """All that is drawn on one page as shown: sizes in points, ``number`` from 1.

    ``across`` and ``down`` are rules: rows of (y, x0, x1) and (x, y0, y1); ``outlines`` boxes of
    shapes with curves or many corners, as glyphs drawn without a font are.
    """

    number: int
    width: float
    height: float
    glyphs: Glyphs
    across: Floats
    down: Floats
    fills: tuple[Fill, ...]
    images: tuple[Image, ...]
    outlines: Floats


@contextmanager
def opened(path: Path) -> Iterator[pdfium.PdfDocument]:
    """The file as a PDFium document, closed afterwards.

    Raises:
        ReadingError: ``encrypted`` where a password is needed, ``unreadable`` where it is no PDF.
    """
    try:
        pdf = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code == _PASSWORD or "password" in str(error).lower():
            raise ReadingError(
                "encrypted", "the PDF asks for a password; save it without one and add it again"
            ) from None
        raise ReadingError(
            "unreadable", "not a PDF, or damaged beyond repair; fetch the file again"
        ) from None
    try:
        yield pdf
    finally:
        pdf.close()


@contextmanager
def _page(pdf: pdfium.PdfDocument, index: int) -> Iterator[pdfium.PdfPage]:
    """A page with its annotations (filled-in fields, typed-on notes) made part of its content."""
    page = pdf[index]
    try:
        if raw.FPDFPage_GetAnnotCount(page) > 0:
            done = raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            if done == raw.FLATTEN_SUCCESS:
                page.close()
                page = pdf[index]
        yield page
    finally:
        page.close()


def page_content(pdf: pdfium.PdfDocument, index: int) -> PageContent | None:
    """Everything drawn on a page (counted from 0); None where the page is damaged."""
    try:
        with _page(pdf, index) as page:
            return _Reader(page, index + 1).read()
    except pdfium.PdfiumError:
        return None


def render(pdf: pdfium.PdfDocument, index: int, box: Box | None, dpi: float) -> pdfium.PdfBitmap:
    """A page, or a box of it in points as shown, as a bitmap.

    Raises:
        ReadingError: ``unreadable`` for a damaged page.
    """
    try:
        with _page(pdf, index) as page:
            width, height = page.get_size()
            crop = (0.0, 0.0, 0.0, 0.0)
            if box is not None:
                left, top, right, bottom = box
                crop = (left, height - bottom, width - right, top)
                crop = tuple(max(0.0, side) for side in crop)  # type: ignore[assignment]
            return page.render(scale=dpi / 72, crop=crop)
    except pdfium.PdfiumError:
        raise ReadingError("unreadable", f"page {index + 1} is damaged") from None


def _times(a: Matrix, b: Matrix) -> Matrix:
    """First a, then b."""
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    )


def _moved(m: Matrix, x: float, y: float) -> tuple[float, float]:
    return (m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5])


def _moved_box(m: Matrix, left: float, bottom: float, right: float, top: float) -> Box:
    ends = [_moved(m, x, y) for x in (left, right) for y in (bottom, top)]
    xs, ys = [e[0] for e in ends], [e[1] for e in ends]
    return (min(xs), min(ys), max(xs), max(ys))


def _shown(page: pdfium.PdfPage) -> tuple[Matrix, float, float]:
    """The way from the page's own points to points from the top left as shown, and its size as shown."""
    found = raw.FS_RECTF()
    raw.FPDF_GetPageBoundingBox(page, found)
    left, bottom, right, top = found.left, found.bottom, found.right, found.top
    turns: dict[int, Matrix] = {
        0: (1, 0, 0, -1, -left, top),
        90: (0, 1, 1, 0, -bottom, -left),
        180: (-1, 0, 0, 1, right, -bottom),
        270: (0, -1, -1, 0, top, right),
    }
    rotation = page.get_rotation() % 360
    wide, high = right - left, top - bottom
    return turns[rotation], *((high, wide) if rotation in (90, 270) else (wide, high))


def _quarter(dx: float, dy: float) -> int:
    """Quarter turns clockwise of a writing direction (y pointing down); -1 for askew."""
    long, short = max(abs(dx), abs(dy)), min(abs(dx), abs(dy))
    if long == 0 or short > 0.14 * long:
        return -1
    if abs(dx) >= abs(dy):
        return 0 if dx > 0 else 2
    return 1 if dy > 0 else 3


@dataclass(frozen=True, slots=True)
class _TextObject:
    order: int
    mode: int
    em: float
    quarter: int
    ink: float
    font: int


class _Reader:
    """Walks one open page; lives no longer than ``read``."""

    def __init__(self, page: pdfium.PdfPage, number: int) -> None:
        self.page = page
        self.number = number
        self.to_shown, self.width, self.height = _shown(page)
        self.texts: dict[int, _TextObject] = {}
        self.across: list[tuple[float, float, float]] = []
        self.down: list[tuple[float, float, float]] = []
        self.fills: list[Fill] = []
        self.images: list[Image] = []
        self.outlines: list[Box] = []
        self.order = 0
        self.sheer = False
        """Inside a form that lets what is below shine through."""
        self.matrix = raw.FS_MATRIX()
        self.four = [ctypes.c_float() for _ in range(4)]
        self.colour = [ctypes.c_uint() for _ in range(4)]
        self.colour_at = [ctypes.byref(c) for c in self.colour]
        self.matrix_at = ctypes.byref(self.matrix)

    def read(self) -> PageContent:
        handle = ctypes.cast(self.page.raw, ctypes.c_void_p).value
        count = raw.FPDFPage_CountObjects(self.page)
        for i in range(min(count, MAX_OBJECTS)):
            self._object(_page_object(handle, i), self.to_shown, 0)
        glyphs = self._glyphs()
        return PageContent(
            self.number,
            self.width,
            self.height,
            glyphs,
            np.array(self.across, dtype=float).reshape(-1, 3),
            np.array(self.down, dtype=float).reshape(-1, 3),
            tuple(self.fills),
            tuple(self.images),
            np.array(self.outlines, dtype=float).reshape(-1, 4),
        )

    def _object(self, handle: int, to_shown: Matrix, depth: int) -> None:
        if not handle or self.order > MAX_OBJECTS:
            return
        self.order += 1
        kind = _object_type(handle)
        if kind == raw.FPDF_PAGEOBJ_TEXT:
            self._text(handle, to_shown)
        elif kind == raw.FPDF_PAGEOBJ_PATH:
            self._path(handle, _times(self._own_matrix(handle), to_shown))
        elif kind == raw.FPDF_PAGEOBJ_IMAGE:
            box = _moved_box(_times(self._own_matrix(handle), to_shown), 0, 0, 1, 1)
            self.images.append(Image(box, self.order, self._opaque(handle)))
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth < MAX_DEPTH:
            inner = _times(self._own_matrix(handle), to_shown)
            outer, self.sheer = self.sheer, self.sheer or bool(_object_transparent(handle))
            for i in range(min(_form_count(handle), MAX_OBJECTS)):
                self._object(_form_object(handle, i), inner, depth + 1)
            self.sheer = outer

    def _opaque(self, handle: int) -> bool:
        return not self.sheer and not _object_transparent(handle)

    def _own_matrix(self, handle: int) -> Matrix:
        return _six_floats(self.matrix) if _object_matrix(handle, self.matrix_at) else _IDENTITY  # type: ignore[return-value]

    def _ink(self, handle: int) -> float:
        """How light a fill is on white paper, transparency counted in."""
        red, green, blue, alpha = self.colour
        if not _fill_colour(handle, *self.colour_at):
            alpha.value = 0  # a pattern: seen, but what it hides is not known
            return 0.0
        light = (0.299 * red.value + 0.587 * green.value + 0.114 * blue.value) / 255
        return 1 - alpha.value / 255 * (1 - light)

    def _text(self, handle: int, to_shown: Matrix) -> None:
        size = self.four[0]
        _text_size(handle, ctypes.byref(size))
        m = _times(self._own_matrix(handle), to_shown)
        mode = _text_mode(handle)
        self.texts[handle] = _TextObject(
            self.order,
            mode,
            abs(size.value) * (m[2] ** 2 + m[3] ** 2) ** 0.5,
            _quarter(m[0], m[1]) if size.value >= 0 else _quarter(-m[0], -m[1]),
            # Stroked text is as dark as its stroke; that it is seen is all that counts.
            self._ink(handle) if mode in (0, 4) else 0.0,
            _text_font(handle) or 0,
        )

    def _path(self, handle: int, m: Matrix) -> None:
        mode, stroke = ctypes.c_int(), ctypes.c_int()
        if not _path_mode(handle, ctypes.byref(mode), ctypes.byref(stroke)):
            return
        if not mode.value and not stroke.value:
            return
        count = _path_count(handle)
        if count > _OUTLINE_SEGMENTS and self._curved(handle, count):
            self._outline(handle, m)
            return
        subpaths, curved = self._subpaths(handle, count, m)
        before = len(self.across) + len(self.down) + len(self.fills)
        if stroke.value:
            for points in subpaths:
                for (x0, y0), (x1, y1) in pairwise(points):
                    self._segment(x0, y0, x1, y1)
        if mode.value:
            for points in subpaths:
                box = _rectangle(points)
                if box is not None:
                    self._filled(handle, box)
        if len(self.across) + len(self.down) + len(self.fills) == before and (curved or mode.value):
            self._outline(handle, m)

    def _curved(self, handle: int, count: int) -> bool:
        step = max(count // 40, 1)
        return any(
            _segment_type(_path_segment(handle, i)) == raw.FPDF_SEGMENT_BEZIERTO
            for i in range(0, count, step)
        )

    def _outline(self, handle: int, m: Matrix) -> None:
        bounds = self.four
        if _object_bounds(handle, *(ctypes.byref(b) for b in bounds)):
            # Bounds are given in the space that the object's own matrix leads to.
            inverse = _times(_inverse(self._own_matrix(handle)), m)
            self.outlines.append(_moved_box(inverse, *(b.value for b in bounds)))

    def _subpaths(self, handle: int, count: int, m: Matrix) -> tuple[list[list[tuple[float, float]]], bool]:
        """Corner points of the path's straight parts; a curve ends a part."""
        found: list[list[tuple[float, float]]] = []
        points: list[tuple[float, float]] = []
        curved = False
        x, y = self.four[0], self.four[1]
        px, py = ctypes.byref(x), ctypes.byref(y)
        for i in range(min(count, MAX_OBJECTS)):
            segment = _path_segment(handle, i)
            _segment_point(segment, px, py)
            point = _moved(m, x.value, y.value)
            kind = _segment_type(segment)
            if kind == raw.FPDF_SEGMENT_LINETO:
                points.append(point)
                if _segment_close(segment) and points[0] != point:
                    points.append(points[0])
                continue
            curved = curved or kind == raw.FPDF_SEGMENT_BEZIERTO
            if len(points) > 1:
                found.append(points)
            points = [point]
        if len(points) > 1:
            found.append(points)
        return found, curved

    def _segment(self, x0: float, y0: float, x1: float, y1: float) -> None:
        if abs(y1 - y0) <= 0.5 and abs(x1 - x0) > abs(y1 - y0):
            self.across.append(((y0 + y1) / 2, min(x0, x1), max(x0, x1)))
        elif abs(x1 - x0) <= 0.5 and abs(y1 - y0) > abs(x1 - x0):
            self.down.append(((x0 + x1) / 2, min(y0, y1), max(y0, y1)))

    def _filled(self, handle: int, box: Box) -> None:
        left, top, right, bottom = box
        wide, high = right - left, bottom - top
        ink = self._ink(handle)
        if min(wide, high) <= THIN:
            if wide >= high:
                self.across.append(((top + bottom) / 2, left, right))
            if high >= wide:
                self.down.append(((left + right) / 2, top, bottom))
        else:
            opaque = self.colour[3].value == 255 and self._opaque(handle)
            self.fills.append(Fill(self._clipped(handle, box), ink, self.order, opaque))

    def _clipped(self, handle: int, box: Box) -> Box:
        """The part of a fill that its clip (where it is one rectangle) lets through."""
        clip = _clip_path(handle)
        if not clip or (count := _clip_count(clip)) <= 0:
            return box
        left, top, right, bottom = box
        x, y = self.four[0], self.four[1]
        for path in range(min(count, 8)):
            ends = []
            for i in range(min(max(_clip_segments(clip, path), 0), 200)):
                _segment_point(_clip_segment(clip, path, i), ctypes.byref(x), ctypes.byref(y))
                ends.append(_moved(self.to_shown, x.value, y.value))
            if ends:
                left, right = max(left, min(e[0] for e in ends)), min(right, max(e[0] for e in ends))
                top, bottom = max(top, min(e[1] for e in ends)), min(bottom, max(e[1] for e in ends))
        # A clip given in a form's own space would leave nothing: then it says nothing here.
        return (left, top, right, bottom) if left < right and top < bottom else box

    def _glyphs(self) -> Glyphs:
        text = self.page.get_textpage()
        try:
            return self._read_glyphs(ctypes.cast(text.raw, ctypes.c_void_p).value, text.count_chars())
        finally:
            text.close()

    def _read_glyphs(self, text: int | None, count: int) -> Glyphs:
        count = min(count, MAX_GLYPHS)
        boxes = (raw.FS_RECTF * max(count, 1))()
        origins = np.zeros((max(count, 1), 2))
        step, size = ctypes.sizeof(raw.FS_RECTF), origins.strides[0]
        base, origin = ctypes.addressof(boxes), origins.ctypes.data
        unmapped: dict[tuple[int, int], bool] = {}
        kept: list[int] = []
        rows: list[tuple[int, int, int, float, int, float, bool]] = []
        for i in range(count):
            found = self.texts.get(_char_object(text, i) or 0)
            if found is None:
                continue  # a space or line end that PDFium makes up
            code = _char_code(text, i)
            key = (found.font, code)
            bad = unmapped.get(key)
            if bad is None:
                bad = unmapped[key] = _char_unmapped(text, i) == 1
            _char_box(text, i, base + step * i)
            _char_origin(text, i, origin + size * i, origin + size * i + 8)
            kept.append(i)
            rows.append((code, found.order, found.mode, found.em, found.quarter, found.ink, bad))
        flat = np.frombuffer(boxes, dtype=np.float32).reshape(-1, 4)[kept].astype(float)
        a, b, c, d, e, f = self.to_shown
        self._mend_boxes(text, flat, kept, rows)
        # FS_RECTF is left, top, right, bottom.
        xs, ys = flat[:, [0, 2]], flat[:, [1, 3]]
        shown_x, shown_y = a * xs + c * ys + e, b * xs + d * ys + f
        at = origins[kept]
        columns = list(zip(*rows, strict=True)) if rows else [()] * 7
        return Glyphs(
            np.array(columns[0], dtype=np.int32),
            shown_x.min(axis=1),
            shown_y.min(axis=1),
            shown_x.max(axis=1),
            shown_y.max(axis=1),
            a * at[:, 0] + c * at[:, 1] + e,
            b * at[:, 0] + d * at[:, 1] + f,
            np.array(columns[3], dtype=float),
            np.array(columns[4], dtype=np.int8),
            np.array(columns[1], dtype=np.int32),
            np.array(columns[2], dtype=np.int8),
            np.array(columns[5], dtype=float),
            np.array(columns[6], dtype=bool),
        )

    def _mend_boxes(
        self,
        text: int | None,
        boxes: Floats,
        kept: list[int],
        rows: list[tuple[int, int, int, float, int, float, bool]],
    ) -> None:
        """Put the drawn shape's box for boxes out of all proportion, as vertical fonts give them."""
        em = np.array([row[3] for row in rows], dtype=float)
        longest = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 1] - boxes[:, 3])
        doubles = [ctypes.c_double() for _ in range(4)]
        for i in np.flatnonzero((longest > 2.5 * em) | (longest < 0.3 * em)).tolist():
            if _char_tight_box(text, kept[i], *(ctypes.byref(d) for d in doubles)):
                left, right, bottom, top = (d.value for d in doubles)
                if right > left and top > bottom:
                    boxes[i] = (left, top, right, bottom)


def _inverse(m: Matrix) -> Matrix:
    area = m[0] * m[3] - m[1] * m[2]
    if area == 0:
        return _IDENTITY
    a, b, c, d = m[3] / area, -m[1] / area, -m[2] / area, m[0] / area
    return (a, b, c, d, -(a * m[4] + c * m[5]), -(b * m[4] + d * m[5]))


def _rectangle(points: list[tuple[float, float]]) -> Box | None:
    """The box of four or five corner points that make an upright rectangle, or a bar with mitred ends."""
    corners = points[:-1] if len(points) == 5 and _near(points[0], points[-1]) else points
    if len(corners) != 4:
        return None
    xs, ys = sorted(p[0] for p in corners), sorted(p[1] for p in corners)
    wide, high = xs[3] - xs[0], ys[3] - ys[0]
    if min(wide, high) <= THIN and max(wide, high) > 3 * min(wide, high):
        return (xs[0], ys[0], xs[3], ys[3])
    if xs[1] - xs[0] > 0.5 or xs[3] - xs[2] > 0.5 or ys[1] - ys[0] > 0.5 or ys[3] - ys[2] > 0.5:
        return None
    return (xs[0], ys[0], xs[3], ys[3])


def _near(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return abs(a[0] - b[0]) < 0.1 and abs(a[1] - b[1]) < 0.1
