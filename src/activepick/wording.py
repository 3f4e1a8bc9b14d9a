"""Counts in sentences: "1 micrograph is left out", "3 micrographs are left out"."""


def counted(count: int, one: str, many: str | None = None, spec: str = "") -> str:
    """Return the count with the noun, or the clause, that agrees with it.

    Parameters
    ----------
    count : int
        How many there are.
    one, many : str
        What follows the number 1, and every other number; `many` is `one` with an "s" by default.
    spec : str
        Format of the number; "," groups the digits by thousands, as the window does.
    """
    return f"{count:{spec}} {one if count == 1 else many or one + 's'}"
