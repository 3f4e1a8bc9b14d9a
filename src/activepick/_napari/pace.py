"""Time that the prediction of a micrograph takes, as a text."""

import time
from collections import deque
from collections.abc import Callable

__all__ = ["Pace"]

# Number of micrographs over which the time is averaged. Those that take less than a share of the
# longest time, and than a time in seconds, had picks or features in memory.
_AVERAGED, _LEAST_SHARE, _LEAST_SECONDS = 20, 0.2, 0.02


class Pace:
    """Measure the time of the prediction of a micrograph.

    Micrographs whose picks or features are known already are ignored, since they do not tell how
    long the others take.

    Parameters
    ----------
    clock
        Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._done = 0
        self._seconds: deque[float] = deque(maxlen=_AVERAGED)

    def exclude(self) -> None:
        """Exclude the time since the last call."""
        self._last = self._clock()

    def text(self, done: float, total: int) -> str:
        """Return a text with the number of micrographs, and the time for each if it is known.

        Parameters
        ----------
        done
            Number of micrographs that are done, including a fraction of the current one.
        total
            Number of all micrographs.
        """
        now, whole = self._clock(), int(done)
        if whole > self._done:
            self._seconds.append((now - self._last) / (whole - self._done))
            self._last, self._done = now, whole
        seconds = list(self._seconds)
        if done - whole > _LEAST_SHARE:
            seconds.append((now - self._last) / (done - whole))
        least = max(_LEAST_SECONDS, _LEAST_SHARE * max(seconds, default=0.0))
        computed = [one for one in seconds if one >= least]
        each = f", {sum(computed) / len(computed):.1f} s each" if computed else ""
        return f"Picking {min(whole + 1, total):,} of {total:,}{each}"
