"""Counts and shortened names in sentences."""


def counted(count: int, one: str, many: str | None = None, spec: str = "") -> str:
    """Return the count with a noun or clause in the singular or plural.

    Parameters
    ----------
    count : int
        How many there are.
    one, many : str
        Text after the number 1, and after every other number; by default `many` is `one` with an
        "s".
    spec : str
        Format of the number; "," separates thousands, as in the window.
    """
    return f"{count:{spec}} {one if count == 1 else many or one + 's'}"


def elided(name: str, most: int = 28) -> str:
    """Return a name of at most `most` characters, with an ellipsis in its middle if necessary."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"
