"""Pictures for fuzzing: small ruled tables, and strokes drawn over them.

Here: the pictures. Not here: what an engine says of them (fuzz_words.py).
"""

from __future__ import annotations

import io
import random
from functools import cache

from PIL import Image, ImageDraw


@cache
def pictures() -> tuple[bytes, ...]:
    """A ruled table of 160 by 100 pixels in every kind of picture."""
    picture = Image.new("L", (160, 100), 255)
    draw = ImageDraw.Draw(picture)
    for y in (10, 35, 60, 90):
        draw.line((8, y, 150, y), 0)
    for x in (8, 60, 110, 150):
        draw.line((x, 10, x, 90), 0)
    draw.text((15, 15), "12", 0)
    found = []
    for kind in ("PNG", "BMP", "GIF", "TIFF", "JPEG", "WEBP"):
        made = io.BytesIO()
        picture.save(made, kind)
        found.append(made.getvalue())
    return tuple(found)


@cache
def ruled() -> tuple[bytes, ...]:
    """Small pictures of ruled tables: merged, broken, leaning, open at the sides, two, and none."""
    found = []
    for number in range(16):
        rng = random.Random(number)
        wide, high = rng.choice(((121, 30), (122, 40), (130, 50), (124, 60), (122, 130)))
        picture = Image.new("L", (wide, high), rng.choice((255, 255, 230)))
        draw = ImageDraw.Draw(picture)
        middle = high // 2
        for top, bottom in [(2, middle - 2), (middle + 2, high - 2)] if high > 40 else [(3, high - 3)]:
            xs = sorted({4, wide - 4, *rng.sample(range(15, wide - 15), rng.randrange(4))})
            ys = sorted({top, bottom, *rng.sample(range(top + 5, bottom - 5), rng.randrange(1, 4))})
            for y in ys if number % 7 else ():
                draw.line((4, y, wide - 4, y), 0)
            for x in xs[1:-1] if number % 5 == 0 else xs:
                draw.line((x, rng.choice((top, top, ys[1])), x, rng.choice((bottom, bottom, ys[-2]))), 0)
            for x, y in ((x, y) for x in xs[:-1] for y in ys[:-1]):
                if rng.random() < 0.7:
                    draw.text((x + 4, y + 2), str(rng.randrange(10 ** rng.randrange(1, 4))), 0)
        if number % 6 == 5:
            picture = picture.rotate(rng.uniform(-3, 3), fillcolor=255, resample=Image.Resampling.BICUBIC)
        made = io.BytesIO()
        picture.save(made, "BMP")
        found.append(made.getvalue())
    return tuple(found)


def drawn_over(rng: random.Random, data: bytes) -> bytes:
    """A picture with some strokes drawn or wiped out, turned or cut; what follows its end tells it apart."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            picture = image.convert(rng.choice(("L", "RGB")))
    except (OSError, ValueError, SyntaxError):  # broken by an earlier mutation
        return data + rng.randbytes(8)
    wide, high = picture.size
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.choice((0, 0, 1, 2, 4, 12))):
        x, y = rng.randrange(wide), rng.randrange(high)
        ink = rng.choice(("black", "black", "white", "white", "grey", "red"))
        match rng.randrange(5):
            case 0:
                draw.line((0, y, wide, y + rng.choice((0, 0, 3))), ink, rng.choice((1, 1, 2)))
            case 1:
                draw.line((x, 0, x + rng.choice((0, 0, 2)), high), ink, rng.choice((1, 1, 2)))
            case 2:
                draw.line((x, y, rng.randrange(wide), rng.choice((y, rng.randrange(high)))), ink)
            case 3:
                draw.rectangle((x, y, x + rng.randrange(40), y + rng.randrange(20)), ink)
            case _:
                draw.text((x, y), rng.choice(("0", "12", "1.5", "-", "x")), ink)
    if rng.random() < 0.1:
        picture = picture.rotate(
            rng.choice((90, 180, 270, rng.uniform(-8, 8))), expand=True, fillcolor="white"
        )
    if rng.random() < 0.1 and wide > 100 and high > 22:
        picture = picture.crop((0, 0, rng.randrange(110, wide + 60), rng.randrange(22, high + 40)))
    made = io.BytesIO()
    picture.save(made, rng.choice(("BMP", "BMP", "PNG", "TIFF")))
    return made.getvalue() + rng.randbytes(8)
