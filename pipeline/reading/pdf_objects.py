"""What PDFium finds on a page, as plain arrays: glyphs, rules, fills, pictures, outlines.

Here: opening a file, walking page objects (also those inside form XObjects), and turning their
coordinates into points from the top left of the page as shown. Nothing of PDFium leaves this module
and pdf_calls.
Not here: which glyphs count (pdf_clean), what is a table (pdf_geometry) or a line (pdf_text).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from pipeline.reading import pdf_calls as calls
from pipeline.reading.document import ReadingError
from pipeline.reading.pdf_matrix import (
    IDENTITY,
    Box,
    Floats,
    Matrix,
    all_times,
    inverse,
    moved,
    moved_box,
    quarters,
    times,
)
from pipeline.reading.pdf_paths import THIN, Segments, rectangles, strokes

MAX_OBJECTS = 200_000
MAX_GLYPHS = 200_000
MAX_DEPTH = 12
WHITE = 0.97
_OUTLINE_SEGMENTS = 400
_PASSWORD = 4


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


_SEGMENTS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class _Texts:
    """The text objects of a page, one entry each in every array; ``at``: where each handle's entry is."""

    at: dict[int, int]
    order: NDArray[np.int32]
    mode: NDArray[np.int8]
    em: Floats
    quarter: NDArray[np.int8]
    ink: Floats
    font: NDArray[np.int64]


class _Reader:
    """Walks one open page; lives no longer than ``read``."""

    def __init__(self, page: pdfium.PdfPage, number: int) -> None:
        self.page = page
        self.number = number
        self.to_shown, self.width, self.height = _shown(page)
        self.handles: list[int] = []
        """All objects in drawing order, those inside forms after their form."""
        self.kinds: list[int] = []
        self.space: list[int] = []
        """For each object which of ``spaces`` leads from its own points to those of the page."""
        self.spaces: list[Matrix] = []
        self.sheer: list[bool] = []
        """For each of ``spaces`` whether it is of a form that lets what is below shine through."""
        self.fills: list[Fill] = []
        self.images: list[Image] = []
        self.outlines: list[Box] = []

    def read(self) -> PageContent:
        handle = ctypes.cast(self.page.raw, ctypes.c_void_p).value
        count = min(raw.FPDFPage_CountObjects(self.page), MAX_OBJECTS)
        self._collect(calls.by_index(calls.page_object, handle, count), self.to_shown, False, 0)
        kinds = np.array(self.kinds, dtype=np.int64)
        own, known = calls.filled(calls.object_matrix, self.handles, np.float32, 6)
        self.own = own.astype(float)
        self.own[~known] = IDENTITY
        spaces = np.array(self.spaces, dtype=float).reshape(-1, 6)
        self.shown = all_times(self.own, spaces[np.array(self.space, dtype=np.intp)])
        for i in np.flatnonzero(kinds == raw.FPDF_PAGEOBJ_IMAGE).tolist():
            box = moved_box(self._matrix(i), 0, 0, 1, 1)
            self.images.append(Image(box, i + 1, self._opaque(i)))
        across, down = self._paths(np.flatnonzero(kinds == raw.FPDF_PAGEOBJ_PATH))
        glyphs = self._glyphs(self._texts(np.flatnonzero(kinds == raw.FPDF_PAGEOBJ_TEXT)))
        return PageContent(
            self.number,
            self.width,
            self.height,
            glyphs,
            across,
            down,
            tuple(self.fills),
            tuple(self.images),
            np.array(self.outlines, dtype=float).reshape(-1, 4),
        )

    def _collect(self, handles: list[int], to_shown: Matrix, sheer: bool, depth: int) -> None:
        """Note objects of one space, and those of the forms among them."""
        handles = [handle for handle in handles if handle]
        kinds = list(map(calls.object_type, handles))
        space = len(self.spaces)
        self.spaces.append(to_shown)
        self.sheer.append(sheer)
        begin = 0
        forms = (
            [i for i, kind in enumerate(kinds) if kind == raw.FPDF_PAGEOBJ_FORM] if depth < MAX_DEPTH else []
        )
        for end in [*(i + 1 for i in forms), len(handles)]:
            room = MAX_OBJECTS + 1 - len(self.handles)
            if room <= 0:
                return
            part = handles[begin:end][:room]
            self.handles += part
            self.kinds += kinds[begin:end][:room]
            self.space += [space] * len(part)
            if begin < end and end - 1 in forms:
                self._form(handles[end - 1], to_shown, sheer, depth)
            begin = end

    def _form(self, form: int, to_shown: Matrix, sheer: bool, depth: int) -> None:
        own, known = calls.filled(calls.object_matrix, [form], np.float32, 6)
        inner = times(tuple(own[0].tolist()), to_shown) if known[0] else to_shown  # type: ignore[arg-type]
        count = min(calls.form_count(form), MAX_OBJECTS)
        sheer = sheer or bool(calls.object_transparent(form))
        self._collect(calls.by_index(calls.form_object, form, count), inner, sheer, depth + 1)

    def _matrix(self, i: int) -> Matrix:
        """The way from object i's own points to those of the page as shown."""
        return tuple(self.shown[i].tolist())  # type: ignore[return-value]

    def _opaque(self, i: int) -> bool:
        return not self.sheer[self.space[i]] and not calls.object_transparent(self.handles[i])

    def _inks(self, handles: list[int]) -> tuple[Floats, NDArray[np.uint32]]:
        """How light fills are on white paper, transparency counted in; and how opaque (0 to 255).

        A pattern is seen, but what it hides is not known: ink 0, not opaque.
        """
        colour, known = calls.filled(calls.fill_colour, handles, np.uint32, 4)
        red, green, blue, alpha = colour.T
        light = (0.299 * red + 0.587 * green + 0.114 * blue) / 255
        return np.where(known, 1 - alpha / 255 * (1 - light), 0.0), np.where(known, alpha, 0)

    def _texts(self, which: NDArray[np.intp]) -> _Texts:
        handles = [self.handles[i] for i in which.tolist()]
        size = calls.filled(calls.text_size, handles, np.float32)[0][:, 0].astype(float)
        mode = calls.whole(calls.text_mode, handles, len(handles)).astype(np.int8)
        m = self.shown[which]
        sign = np.where(size >= 0, 1.0, -1.0)
        return _Texts(
            {handle: i for i, handle in enumerate(handles)},
            (which + 1).astype(np.int32),
            mode,
            np.abs(size) * np.sqrt(m[:, 2] ** 2 + m[:, 3] ** 2),
            quarters(sign * m[:, 0], sign * m[:, 1]),
            # Stroked text is as dark as its stroke; that it is seen is all that counts.
            np.where((mode == 0) | (mode == 4), self._inks(handles)[0], 0.0),
            calls.whole(calls.text_font, handles, len(handles)),
        )

    def _paths(self, which: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """The rules that paths draw; rectangles and outlines are noted."""
        handles = [self.handles[i] for i in which.tolist()]
        modes, known = calls.filled(calls.path_mode, handles, np.int32, 2)
        counts = calls.whole(calls.path_count, handles, len(handles))
        seen = known & modes.any(axis=1)
        for at in np.flatnonzero(seen & (counts > _OUTLINE_SEGMENTS)).tolist():
            if self._curved(handles[at], int(counts[at])):
                self._outline(int(which[at]))
                seen[at] = False
        counts = counts.clip(0, MAX_OBJECTS)
        left = np.flatnonzero(seen)
        found = []
        while len(left):
            some = max(int(np.searchsorted(np.cumsum(counts[left]), _SEGMENTS_AT_ONCE)), 1)
            now, left = left[:some], left[some:]
            found.append(self._rules(which[now], counts[now], modes[now] != 0))
        if not found:
            return np.zeros((0, 3)), np.zeros((0, 3))
        return np.vstack([f[0] for f in found]), np.vstack([f[1] for f in found])

    def _rules(
        self, which: NDArray[np.intp], counts: NDArray[np.int64], modes: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """The rules of some paths. ``modes``: whether each is filled, and whether it is stroked."""
        segments, curved = self._segments(which, counts)
        parts = segments.parts()
        painted, stroked = modes.T
        on_across, across, on_down, down = strokes(parts, stroked)
        on_box, boxes = rectangles(parts, painted)
        wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        thin = np.minimum(wide, high) <= THIN
        lying, standing = thin & (wide >= high), thin & (high >= wide)
        bars_across = np.column_stack(((boxes[:, 1] + boxes[:, 3]) / 2, boxes[:, 0], boxes[:, 2]))[lying]
        bars_down = np.column_stack(((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 1], boxes[:, 3]))[standing]
        self._filled(which[on_box[~thin]].tolist(), boxes[~thin].tolist())
        plain = np.zeros(len(which), dtype=bool)
        for on in (on_across, on_down, on_box):
            plain[on] = True
        for i in which[~plain & (curved | painted)].tolist():
            self._outline(i)
        # In drawing order, a path's strokes before its fills.
        level = np.concatenate((on_across, on_box[lying])).argsort(kind="stable")
        plumb = np.concatenate((on_down, on_box[standing])).argsort(kind="stable")
        return np.vstack((across, bars_across))[level], np.vstack((down, bars_down))[plumb]

    def _segments(
        self, which: NDArray[np.intp], counts: NDArray[np.int64]
    ) -> tuple[Segments, NDArray[np.bool_]]:
        """The segments of paths on the page as shown, and which of the paths have curves."""
        every = [self.handles[i] for i in which.tolist()]
        per_path = counts.tolist()
        found = list(
            map(
                calls.path_segment,
                chain.from_iterable(map(repeat, every, per_path)),
                chain.from_iterable(map(range, per_path)),
            )
        )
        points = np.zeros((len(found), 2), dtype=np.float32)
        calls.each_of(calls.segment_point, found, *calls.places(points))
        kinds = calls.whole(calls.segment_type, found, len(found))
        close = calls.whole(calls.segment_close, found, len(found)) != 0
        path = np.repeat(np.arange(len(which)), counts)
        m = self.shown[which][path]
        x, y = points.astype(float).T
        shown_x = m[:, 0] * x + m[:, 2] * y + m[:, 4]
        shown_y = m[:, 1] * x + m[:, 3] * y + m[:, 5]
        curved = np.zeros(len(which), dtype=bool)
        curved[path[kinds == raw.FPDF_SEGMENT_BEZIERTO]] = True
        return Segments(path, shown_x, shown_y, kinds == raw.FPDF_SEGMENT_LINETO, close), curved

    def _curved(self, handle: int, count: int) -> bool:
        step = max(count // 40, 1)
        return any(
            calls.segment_type(calls.path_segment(handle, i)) == raw.FPDF_SEGMENT_BEZIERTO
            for i in range(0, count, step)
        )

    def _outline(self, i: int) -> None:
        bounds, known = calls.filled(calls.object_bounds, [self.handles[i]], np.float32, 4)
        if known[0]:
            # Bounds are given in the space that the object's own matrix leads to.
            back = times(inverse(tuple(self.own[i].tolist())), self._matrix(i))  # type: ignore[arg-type]
            self.outlines.append(moved_box(back, *bounds[0].tolist()))

    def _filled(self, which: list[int], boxes: list[list[float]]) -> None:
        """Note rectangles, each of the object given, as fills."""
        inks, alphas = self._inks([self.handles[i] for i in which])
        for i, (left, top, right, bottom), ink, alpha in zip(
            which, boxes, inks.tolist(), alphas.tolist(), strict=True
        ):
            box = self._clipped(self.handles[i], (left, top, right, bottom))
            self.fills.append(Fill(box, ink, i + 1, alpha == 255 and self._opaque(i)))

    def _clipped(self, handle: int, box: Box) -> Box:
        """The part of a fill that its clip (where it is one rectangle) lets through."""
        clip = calls.clip_path(handle)
        if not clip or (count := calls.clip_count(clip)) <= 0:
            return box
        left, top, right, bottom = box
        for path in range(min(count, 8)):
            segments = min(max(calls.clip_segments(clip, path), 0), 200)
            if not segments:
                continue
            points = np.zeros((segments, 2), dtype=np.float32)
            found = map(calls.clip_segment, repeat(clip), repeat(path), range(segments))
            calls.each_of(calls.segment_point, found, *calls.places(points))
            ends = [moved(self.to_shown, x, y) for x, y in points.tolist()]
            left, right = max(left, min(e[0] for e in ends)), min(right, max(e[0] for e in ends))
            top, bottom = max(top, min(e[1] for e in ends)), min(bottom, max(e[1] for e in ends))
        # A clip given in a form's own space would leave nothing: then it says nothing here.
        return (left, top, right, bottom) if left < right and top < bottom else box

    def _glyphs(self, texts: _Texts) -> Glyphs:
        text = self.page.get_textpage()
        try:
            return self._read_glyphs(ctypes.cast(text.raw, ctypes.c_void_p).value, text.count_chars(), texts)
        finally:
            text.close()

    def _read_glyphs(self, text: int | None, count: int, texts: _Texts) -> Glyphs:
        count = min(count, MAX_GLYPHS)
        homes = map(texts.at.get, calls.by_index(calls.char_object, text, count), repeat(-1))
        home = np.fromiter(homes, dtype=np.intp, count=count)
        # Left out: spaces and line ends that PDFium makes up.
        index = np.flatnonzero(home >= 0)
        home = home[index]
        kept = index.tolist()
        same = repeat(text, len(kept))
        boxes = np.zeros((len(kept), 4), dtype=np.float32)
        origins = np.zeros((len(kept), 2))
        calls.each_of(calls.char_box, same, kept, calls.first_places(boxes))
        same = repeat(text, len(kept))
        calls.each_of(calls.char_origin, same, kept, *calls.places(origins))
        same = repeat(text, len(kept))
        code = np.fromiter(map(calls.char_code, same, kept), dtype=np.int64, count=len(kept))
        em = texts.em[home]
        a, b, c, d, e, f = self.to_shown
        flat = boxes.astype(float)
        self._mend_boxes(text, flat, kept, em)
        # FS_RECTF is left, top, right, bottom.
        xs, ys = flat[:, [0, 2]], flat[:, [1, 3]]
        shown_x, shown_y = a * xs + c * ys + e, b * xs + d * ys + f
        return Glyphs(
            code.astype(np.int32),
            shown_x.min(axis=1),
            shown_y.min(axis=1),
            shown_x.max(axis=1),
            shown_y.max(axis=1),
            a * origins[:, 0] + c * origins[:, 1] + e,
            b * origins[:, 0] + d * origins[:, 1] + f,
            em,
            texts.quarter[home],
            texts.order[home],
            texts.mode[home],
            texts.ink[home],
            self._unmapped(text, kept, texts.font[home], code),
        )

    def _unmapped(
        self, text: int | None, kept: list[int], font: NDArray[np.int64], code: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which characters their font does not name; asked once for each character of a font."""
        fonts = np.unique(font, return_inverse=True)[1]
        _, first, again = np.unique((fonts << 32) | code, return_index=True, return_inverse=True)
        bad = [calls.char_unmapped(text, kept[i]) == 1 for i in first.tolist()]
        return np.array(bad, dtype=bool)[again]

    def _mend_boxes(self, text: int | None, boxes: Floats, kept: list[int], em: Floats) -> None:
        """Put the drawn shape's box for boxes out of all proportion, as vertical fonts give them."""
        longest = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 1] - boxes[:, 3])
        doubles = [ctypes.c_double() for _ in range(4)]
        for i in np.flatnonzero((longest > 2.5 * em) | (longest < 0.3 * em)).tolist():
            if calls.char_tight_box(text, kept[i], *(ctypes.byref(d) for d in doubles)):
                left, right, bottom, top = (d.value for d in doubles)
                if right > left and top > bottom:
                    boxes[i] = (left, top, right, bottom)
