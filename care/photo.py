"""A technician's photo: is it a picture at all, and what of it may be kept?

What was uploaded is decoded and painted anew as a JPEG of ours. So nothing else survives: no place,
no time, no camera, no thumbnail, no second file hidden behind the picture.
"""

import io
import threading
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from care.errors import CareError

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
LONGEST_PX = 2048
QUALITY = 85

FORMATS = ("JPEG", "PNG", "WEBP")
"""Other decoders are never asked: fewer of them, fewer holes."""

_one_at_a_time = threading.Lock()
"""A picture of 40 megapixels takes 160 MB while it is decoded."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture that may be kept.

    Parameters
    ----------
    jpeg : bytes
    width, height : int
        Pixels.
    """

    jpeg: bytes
    width: int
    height: int


def photo_of(data: bytes) -> Photo:
    """Decode an upload, whatever it calls itself, and paint it anew.

    Raises
    ------
    CareError
        If it isn't a picture that we take, or is too large.
    """
    if not data:
        raise CareError("The photo is empty.")
    if len(data) > MOST_BYTES:
        raise CareError(f"The photo is too large: {MOST_BYTES // 1024 // 1024} MB at most.")
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow only warns of is checked or refused below
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:  # known before anything is decoded
                    most = MOST_PIXELS // 1_000_000
                    raise CareError(f"The photo has too many pixels: {most} million at most.")
                return _painted(image)
        except CareError:
            raise
        except Exception as error:  # a decoder may stumble over a hostile file in any way
            raise CareError(
                "This is not a photo that can be read. JPEG, PNG and WebP are taken."
            ) from error


def _painted(image: Image.Image) -> Photo:
    if image.format == "JPEG":
        image.draft("RGB", (LONGEST_PX, LONGEST_PX))  # decode no finer than needed
    upright: Image.Image = ImageOps.exif_transpose(image)
    upright.thumbnail((LONGEST_PX, LONGEST_PX))
    fresh = Image.new("RGB", upright.size, "white")  # a new one carries nothing of the old one
    if "A" in upright.getbands() or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        fresh.paste(upright, mask=upright.getchannel("A"))
    else:
        fresh.paste(upright.convert("RGB"))
    out = io.BytesIO()
    fresh.save(out, "JPEG", quality=QUALITY, optimize=True)
    return Photo(out.getvalue(), *fresh.size)
