"""Parse JSON from files that are not trusted; every failure is one kind of error."""

import json
import math
import re
from typing import Any

__all__ = ["parse_json"]

# One half of a surrogate pair, escaped; both halves together are an ordinary character.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(data: bytes | str, *, only_finite: bool = True) -> Any:
    """Return the value of a JSON text; all its strings can be encoded as UTF-8.

    Parameters
    ----------
    data
        The JSON, as UTF-8 if it is bytes.
    only_finite
        Whether infinities and NaN are refused. Python writes them although JSON does not allow
        them.

    Raises
    ------
    ValueError
        If it is nested too deeply, contains a number that is not finite or too long, or half of
        a surrogate pair. json.JSONDecodeError, which has the line, if it is not JSON.
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
        raise ValueError("it is nested too deeply") from None
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
