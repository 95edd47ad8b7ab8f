"""Pickles written as Python 2 wrote them, for programs that expect CIFAR's: texts are byte strings, arrays are numpy's.

Every loader reads them, whether it asks for `encoding="bytes"` or `encoding="latin1"`; Python's own pickle module can no longer
write them so. The opcodes are those that pickletools lists for protocol 2; `unpickling.py` reads them back.
"""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Value = Mapping[str, "Value"] | Sequence["Value"] | str | int | NDArray[np.uint8]

_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
_BYTE = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def pickled(value: Value) -> bytes:
    """Return the pickle of maps, lists, texts, whole numbers of 32 bits and arrays of bytes (n, m)."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: Value) -> bytes:
    if isinstance(value, str):
        return _text(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, np.ndarray):
        shape = b"".join(_opcodes(side) for side in value.shape)
        return _ARRAY + b"(K\x01(" + shape + b"t" + _BYTE + b"\x89" + _text(value.tobytes()) + b"tb"
    if isinstance(value, Mapping):
        return b"}(" + b"".join(_opcodes(key) + _opcodes(item) for key, item in value.items()) + b"u"
    return b"](" + b"".join(map(_opcodes, value)) + b"e"


def _text(data: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(data)) + data
