"""A screen as if photographed by hand: tilted, dim at the edges, grainy, a JPEG with the camera's Exif."""

from __future__ import annotations

import io
import random
from datetime import datetime

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFilter

_SIZE = (1200, 1600)
_CORNERS = ((232.0, 118.0), (938.0, 176.0), (986.0, 1472.0), (178.0, 1436.0))


def photographed(screen: bytes, *, taken: datetime) -> bytes:
    """The JPEG of the PNG ``screen``, taken at ``taken`` (aware; Exif keeps local time and offset), without GPS.

    The same input gives the same bytes with the same Pillow.
    """
    shown = Image.open(io.BytesIO(screen)).convert("RGB")
    framed = Image.new("RGB", (shown.width + 56, shown.height + 120), (16, 16, 20))
    framed.paste(shown, (28, 60))
    tilted = framed.transform(
        _SIZE, Image.Transform.PERSPECTIVE, _plane(framed.size), Image.Resampling.BICUBIC, fillcolor=(0, 0, 0)
    )
    outline = Image.new("L", _SIZE, 0)
    ImageDraw.Draw(outline).polygon(_CORNERS, fill=255)
    scene = Image.composite(tilted, _table(), outline.filter(ImageFilter.GaussianBlur(1.2)))
    scene = ImageChops.multiply(scene, _light())
    scene = ImageChops.add(scene.filter(ImageFilter.GaussianBlur(0.8)), _grain(), scale=1.0, offset=-12)
    written = io.BytesIO()
    scene.save(written, "JPEG", quality=84, subsampling=2, exif=_exif(taken))
    return written.getvalue()


def _plane(size: tuple[int, int]) -> list[float]:
    """The eight coefficients that carry the picture's corners to ``_CORNERS`` (Pillow maps output to input)."""
    width, height = size
    source = ((0, 0), (width, 0), (width, height), (0, height))
    rows: list[list[float]] = []
    for (u, v), (x, y) in zip(source, _CORNERS, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    for step in range(8):
        pivot = max(range(step, 8), key=lambda row: abs(rows[row][step]))
        rows[step], rows[pivot] = rows[pivot], rows[step]
        rows[step] = [value / rows[step][step] for value in rows[step]]
        for row in range(8):
            if row != step:
                factor = rows[row][step]
                rows[row] = [value - factor * top for value, top in zip(rows[row], rows[step], strict=True)]
    return [row[8] for row in rows]


def _table() -> Image.Image:
    planks = Image.new("RGB", _SIZE, (104, 82, 62))
    draw = ImageDraw.Draw(planks)
    for left in range(0, _SIZE[0], 150):
        shade = 92 + (left // 150 * 37) % 26
        draw.rectangle((left, 0, left + 146, _SIZE[1]), fill=(shade + 14, shade - 8, shade - 28))
    return planks.filter(ImageFilter.GaussianBlur(5))


def _light() -> Image.Image:
    falloff = Image.radial_gradient("L").resize(_SIZE).point([255 - value * 120 // 255 for value in range(256)])
    return Image.merge("RGB", (falloff, falloff.point([v * 97 // 100 for v in range(256)]), falloff))


def _grain() -> Image.Image:
    # Seeded: Pillow's own noise differs at each run.
    grains = random.Random(77).randbytes(600 * 800)  # noqa: S311 - grain, not a secret
    grain = Image.frombytes("L", (600, 800), grains).resize(_SIZE).point([value * 24 // 255 for value in range(256)])
    return Image.merge("RGB", (grain, grain, grain))


def _exif(taken: datetime) -> Image.Exif:
    stamp, offset = f"{taken:%Y:%m:%d %H:%M:%S}", f"{taken:%z}"
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Exemple"
    exif[ExifTags.Base.Model] = "Telephone de demonstration"
    exif[ExifTags.Base.Orientation] = 1
    exif[ExifTags.Base.DateTime] = stamp
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = stamp
    details[ExifTags.Base.DateTimeDigitized] = stamp
    details[ExifTags.Base.OffsetTimeOriginal] = f"{offset[:3]}:{offset[3:]}"
    details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight] = _SIZE
    return exif
