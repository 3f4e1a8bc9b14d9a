"""Read and write cryoSPARC's ``.cs`` files, structured NumPy arrays, without pickle.

They are written by ``numpy.save`` from a record array with fields such as
``location/center_x_frac``; texts are bytes of a fixed length (``cryosparc.dataset.Dataset.save``,
format 1). The compressed format 2 of newer versions begins with CSDAT. In exported jobs paths begin
with ``>``, which does not belong to the path. https://guide.cryosparc.com (Manipulating .cs Files)
"""

import io
import math
import os
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.files import open_to_read
from activepick.formats.limits import check_width
from activepick.wording import counted

__all__ = ["FieldType", "load_fields", "pack_fields", "sniff"]

_NUMPY, _CSDAT = b"\x93NUMPY", b"\x95CSDAT"
_LONGEST_HEADER = 1 << 20
# Kinds of numbers, truth values and texts; a table cannot contain others.
_KINDS = "fiubSU"
# The largest code of a character in Unicode.
_LAST_CHARACTER = 0x10FFFF
# Errors that NumPy raises on damaged files.
_DAMAGE = (
    *(ValueError, TypeError, LookupError, ArithmeticError, SyntaxError, TokenError),
    *(OSError, EOFError, MemoryError, RecursionError),
)


class FieldType(NamedTuple):
    """The expected type of a field.

    Attributes
    ----------
    is_text
        Whether it contains texts; otherwise numbers.
    length
        Length of the vector in each row; 0 for a scalar.
    """

    is_text: bool = False
    length: int = 0


def sniff(head: bytes) -> bool:
    """Return whether a file is a NumPy array or a cryoSPARC dataset."""
    return head.startswith((_NUMPY, _CSDAT))


def load_fields(path: Path, known: Mapping[str, FieldType]) -> dict[str, npt.NDArray[Any]]:
    """Read the fields of a dataset.

    Parameters
    ----------
    path
        The file.
    known
        Expected types of fields by name; fields may be missing.

    Returns
    -------
    dict
        Field by name: ``(n,)``, or ``(n, k)`` for vectors; texts are ``str``, and paths are without
        the ``>`` of exported jobs.

    Raises
    ------
    TableError
        If it is not a dataset, is damaged, a known field has another type, or a field contains
        Python objects, which are never loaded.
    """
    try:
        with open_to_read(path) as file:
            start, size = file.read(6), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if start == _CSDAT:
        raise TableError(
            f"{path}: this is cryoSPARC's compressed format. With cryosparc-tools, "
            "Dataset.load(path).save(other) converts it to a plain .cs, which can be read"
        )
    if start != _NUMPY:
        raise TableError(
            f"{path}: not a .cs file, since it does not start with the header of a NumPy array; "
            "check that it is complete"
        )
    # With a memory map, a header that claims a large size needs no memory. Empty files have no map.
    mode: Any = "r" if size > _LONGEST_HEADER else None
    try:
        array = np.load(path, mmap_mode=mode, allow_pickle=False, max_header_size=_LONGEST_HEADER)
    except _DAMAGE as error:
        if "ickle" in str(error):
            raise TableError(f"{path}: contains Python objects, which are never loaded") from None
        raise TableError(f"{path}: damaged or truncated ({str(error)[:200]})") from None
    if array.dtype.names is None or array.ndim != 1:
        raise TableError(f"{path}: an array without named fields, so it is not a cryoSPARC dataset")
    if array.dtype.itemsize == 0 or len(array) * array.dtype.itemsize > size:
        raise TableError(f"{path}: damaged: {counted(len(array), 'row')} in a file of {size} bytes")
    values = sum(math.prod(array.dtype[name].shape) for name in array.dtype.names)
    check_width(values, path)
    fields = {name: _field(array[name], name, path) for name in array.dtype.names}
    for name, expected in known.items():
        if name in fields:
            _check_type(fields[name], name, expected, path)
    return fields


def _check_type(values: npt.NDArray[Any], name: str, expected: FieldType, path: Path) -> None:
    is_right = (values.dtype.kind == "O") == expected.is_text
    if not is_right or values.shape[1:] != ((expected.length,) if expected.length else ()):
        what = "a text" if expected.is_text else f"{expected.length or 'a'} number"
        raise TableError(
            f"{path}: {name} is not {what}{'s' if expected.length else ''} in each row; check "
            "that it is a file of cryoSPARC"
        )


def _field(values: npt.NDArray[Any], name: str, path: Path) -> npt.NDArray[Any]:
    if values.dtype.kind not in _KINDS:
        raise TableError(f"{path}: the field {name[:80]!r} contains neither numbers nor texts")
    if values.dtype.kind == "U":
        letters = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).view(np.uint32)
        surrogate = (letters >= 0xD800) & (letters <= 0xDFFF)
        if (surrogate | (letters > _LAST_CHARACTER)).any():
            raise TableError(
                f"{path}: the field {name[:80]!r} contains text that is not valid Unicode"
            )
    if values.dtype.kind in "SU":
        # Many rows have the same text: each text is decoded, and kept in memory, once.
        codes, texts = pd.factorize(np.asarray(values).astype(object).ravel())
        start = ">" if name.endswith("path") else ""
        known = [_text(text).removeprefix(start) for text in texts]
        return np.array(known, object)[codes].reshape(values.shape)
    return np.array(values.astype(values.dtype.newbyteorder("="), copy=True))


def _text(value: bytes | str) -> str:
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _encoded(values: npt.NDArray[Any]) -> npt.NDArray[np.bytes_]:
    codes, texts = pd.factorize(values.ravel())
    encoded = np.array([str(text).encode("utf-8") for text in texts], "S")
    # An empty array has no longest text, and a field must have at least one byte.
    return (encoded if len(encoded) else np.zeros(0, "S1"))[codes].reshape(values.shape)


def pack_fields(fields: dict[str, npt.NDArray[Any]]) -> tuple[bytes]:
    """Return the bytes of a dataset.

    Parameters
    ----------
    fields
        Field by name, all of one length: numbers, vectors of numbers, or texts.
    """
    columns = {
        name: _encoded(values.astype(object)) if values.dtype.kind in "OU" else values
        for name, values in fields.items()
    }
    dtype = np.dtype(
        [
            (name, values.dtype if values.dtype.itemsize else "S1", values.shape[1:])
            for name, values in columns.items()
        ]
    )
    records = np.zeros(len(next(iter(columns.values()))), dtype)
    for name, values in columns.items():
        records[name] = values
    buffer = io.BytesIO()
    np.save(buffer, records, allow_pickle=False)
    return (buffer.getvalue(),)
