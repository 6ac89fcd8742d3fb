"""What may be uploaded as a photo, and what is left of it."""

import io
import struct
import zlib

import pytest
from PIL import Image

from care.errors import CareError
from care.photo import LONGEST_PX, MOST_BYTES, photo_of

SECRET = b"41.8781N,87.6298W"


def picture(
    kind: str, size: tuple[int, int] = (400, 300), mode: str = "RGB", **more: object
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 120 if mode == "L" else None).save(out, kind, **more)
    return out.getvalue()


def with_place() -> bytes:
    """A JPEG with a place, a maker, a thumbnail's worth of comment, and turned by its EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    exif[0x010F] = "Pocket Camera"
    exif.get_ifd(0x8825)[2] = (41.0, 52.0, 41.2)
    exif.get_ifd(0x8825)[1] = "N"
    return picture("JPEG", exif=exif, comment=SECRET, icc_profile=b"profile " + SECRET)


def png_that_says(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        whole = name + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_painted_anew(kind: str) -> None:
    kept = photo_of(picture(kind, (3000, 1500)))
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert image.format == "JPEG"
        assert image.size == (kept.width, kept.height) == (LONGEST_PX, LONGEST_PX // 2)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "I;16"])
def test_odd_colours_are_taken(mode: str) -> None:
    assert photo_of(picture("PNG", mode=mode)).width == 400


def test_what_can_be_seen_through_is_white() -> None:
    with Image.open(io.BytesIO(photo_of(picture("PNG", mode="RGBA")).jpeg)) as image:
        assert image.getpixel((5, 5)) == (255, 255, 255)


def test_place_and_everything_else_is_gone() -> None:
    data = with_place()
    assert SECRET in data and b"Pocket Camera" in data
    kept = photo_of(data)
    assert (kept.width, kept.height) == (300, 400), "turned as the camera was held"
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert dict(image.getexif()) == {}
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert SECRET not in kept.jpeg and b"Pocket" not in kept.jpeg and b"Exif" not in kept.jpeg


def test_nothing_hides_behind_the_picture() -> None:
    for tail in (b"PK\x03\x04 a zip", b"<script>alert(1)</script>", b"%PDF-1.7", b"MZ" * 500):
        kept = photo_of(picture("JPEG") + tail)
        assert tail not in kept.jpeg and kept.jpeg.endswith(b"\xff\xd9")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
        b"GIF89a" + b"\0" * 50,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        b"\xff\xd8\xff\xe0" + b"\0" * 50,
        b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\0" * 20,
        b"PK\x03\x04" + b"\0" * 50,
        b"%PDF-1.7\n" + b"\0" * 50,
    ],
)
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    with pytest.raises(CareError):
        photo_of(data)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM", "TGA", "JPEG2000"])
def test_other_kinds_of_pictures_are_refused(kind: str) -> None:
    with pytest.raises(CareError, match="JPEG, PNG and WebP"):
        photo_of(picture(kind, (16, 16)))


@pytest.mark.parametrize("size", [(6400, 6400), (40_000, 40_000), (1, 2**31 - 1), (2**31 - 1, 9)])
def test_bombs_are_refused_before_they_are_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(CareError):
        photo_of(png_that_says(*size))


def test_a_bomb_of_text_and_a_broken_picture() -> None:
    bomb = zlib.compress(b"A" * 80_000_000, 9)
    chunk = b"zTXt" + b"Comment\0\0" + bomb
    text = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    whole = picture("PNG")
    with pytest.raises(CareError):
        photo_of(whole[:33] + text + whole[33:])
    with pytest.raises(CareError):
        photo_of(picture("JPEG", (800, 800))[:600])


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(CareError, match="10 MB"):
        photo_of(picture("JPEG") + b"\0" * MOST_BYTES)
