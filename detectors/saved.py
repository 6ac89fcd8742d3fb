"""How states become bytes and come back, bit for bit, without pickle.

A state is a `msgspec.Struct`, saved as a MessagePack array of its fields. River's statistics are
not made for that, so each one that a state may hold has its two functions here: the numbers that
it consists of, and the way back. They reach into River's attributes, which may change with any
release; so River's version is part of `versions`, and states of another release are never read.
Many small numbers are one `array.array`, two or four bytes each where MessagePack takes three or
nine.

What a bank remembers is half zeros, round numbers and times that begin with the same bytes, nine
bytes each in MessagePack. So the whole is deflated, at its quickest: half the bytes for some 50 µs,
and PostgreSQL keeps the row in one piece. States that were saved as bare MessagePack are read too.
"""

import zlib
from array import array
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from river import stats

from detectors import drive, join
from detectors.contract import Detector

RIVER = version("river")


def _var(n: float, mean: float, s: float) -> stats.Var:
    new = stats.Var()
    new.mean.n, new.mean._mean, new._S = n, mean, s
    return new


def _cov(n: float, mean_x: float, mean_y: float, cov: float) -> stats.Cov:
    new = stats.Cov()
    new.mean_x.n = new.mean_y.n = n
    new.mean_x._mean, new.mean_y._mean, new.cov = mean_x, mean_y, cov
    return new


def _mean(n: float, mean: float) -> stats.Mean:
    new = stats.Mean()
    new.n, new._mean = n, mean
    return new


def _ewmean(fading_factor: float, inside: bytes) -> stats.EWMean:
    new = stats.EWMean(fading_factor)
    new._ewmean.__setstate__(inside)  # four numbers of the Rust half, no pickle
    return new


_TAKE: dict[type[Any], Callable[[Any], Sequence[Any]]] = {
    array: lambda a: (a.typecode, a.tobytes()),
    stats.Mean: lambda m: (m.n, m._mean),
    stats.Var: lambda v: (v.mean.n, v.mean._mean, v._S),
    stats.Cov: lambda c: (c.mean_x.n, c.mean_x._mean, c.mean_y._mean, c.cov),
    stats.EWMean: lambda e: (e.fading_factor, e._ewmean.__getstate__()),
}

_MAKE: dict[type[Any], Callable[..., Any]] = {
    array: array,
    stats.Mean: _mean,
    stats.Var: _var,
    stats.Cov: _cov,
    stats.EWMean: _ewmean,
}


def _encode_hook(value: Any) -> Sequence[Any]:
    take = _TAKE.get(type(value))
    if take is None:
        raise TypeError(f"a state can't hold a {type(value).__name__}: add it to detectors.saved")
    return take(value)


def _decode_hook(kind: type[Any], parts: Any) -> Any:
    return _MAKE[kind](*parts)


_QUICK = 1  # of zlib's levels: 6 saves a twentieth more and takes three times as long
_ZLIB = 0x78  # the first byte of what zlib writes; no MessagePack array begins so
_MOST_BYTES = 1 << 20  # far more than any bank has

_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_hook)
_decoders: dict[type[Any], msgspec.msgpack.Decoder[Any]] = {}


def save(states: Sequence[msgspec.Struct | None]) -> bytes:
    """A bank's states in its order, None for a detector that is not there.

    Examples
    --------
    >>> class State(msgspec.Struct, array_like=True):
    ...     level_v: stats.EWMean
    >>> level_v = stats.EWMean(0.3)
    >>> level_v.update(12.6)
    >>> [restored] = load(save([State(level_v)]), [State])
    >>> restored.level_v.get()
    12.6
    """
    return zlib.compress(_encoder.encode(states), _QUICK)


def load(saved: bytes, kinds: Sequence[type[Any]]) -> list[Any]:
    """The states that `save` wrote, one for each of `kinds`.

    Raises
    ------
    msgspec.MsgspecError
        If the bytes are not such states.
    """
    parts = msgspec.msgpack.decode(_inflated(saved), type=list[msgspec.Raw])
    if len(parts) != len(kinds):
        raise msgspec.ValidationError(f"{len(parts)} states saved, {len(kinds)} expected")
    return [_load_one(part, kind) for part, kind in zip(parts, kinds, strict=True)]


def _inflated(saved: bytes) -> bytes:
    if saved[:1] != bytes([_ZLIB]):
        return saved
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(saved, _MOST_BYTES)
    except zlib.error as error:
        raise msgspec.ValidationError(f"damaged states: {error}") from None
    if not stream.eof or stream.unused_data:
        raise msgspec.ValidationError("damaged states: cut off, or more than a bank has")
    return plain


def _load_one(part: msgspec.Raw, kind: type[Any]) -> Any:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = msgspec.msgpack.Decoder(kind | None, dec_hook=_decode_hook)
        _decoders[kind] = decoder
    return decoder.decode(part)


def versions(detectors: Sequence[type[Detector[Any]]]) -> str:
    """What must be equal for a saved state to be used: every detector, its version, River's.

    Examples
    --------
    >>> from detectors import DETECTORS
    >>> versions(DETECTORS[:1])
    'drive 3, join 3, coolant_overheat 5, river 0.26.1'
    """
    shared = (f"drive {drive.VERSION}", f"join {join.VERSION}")
    return ", ".join([*shared, *(f"{d.name} {d.version}" for d in detectors), f"river {RIVER}"])
