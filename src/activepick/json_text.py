"""JSON from files that others may have prepared: it is read whole, or it is one kind of error."""

import json
import math
import re
from typing import Any

__all__ = ["parse_json"]

# An escaped half of a surrogate pair; both halves are an ordinary character.
_SURROGATE = re.compile(r"\\u[dD][89abAB]")


def parse_json(data: bytes | str, *, only_finite: bool = True) -> Any:
    """Return what JSON says, with texts that can be written again.

    Parameters
    ----------
    data
        The JSON, as UTF-8 if it is bytes.
    only_finite
        Whether infinities and NaN, which Python writes though JSON has none, are refused.

    Raises
    ------
    ValueError
        If it is no JSON, too deep, or holds a number that is not finite or too long, or half of a
        character. json.JSONDecodeError, which has the line, if it is no JSON.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    try:
        value = (
            json.loads(text, parse_float=_finite, parse_constant=_constant)
            if only_finite
            else json.loads(text)
        )
        if _SURROGATE.search(text) or not text.isascii():
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("it is too deep") from None
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
