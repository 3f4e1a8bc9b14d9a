"""Time that the prediction of a micrograph takes, as a text."""

import time
from collections import deque
from collections.abc import Callable

__all__ = ["Pace"]

# Number of micrographs over which the time is averaged. Those that take less than a share of the
# longest time, or than a time in seconds, had picks or features in memory.
_AVERAGED, _LEAST_SHARE, _LEAST_SECONDS = 20, 0.2, 0.02
# Fraction of the current micrograph from which its time is extrapolated.
_LEAST_DONE = 0.2


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
        # When the current micrograph was begun, without pauses, and the time of the last call.
        self._began = self._called = clock()
        self._done = 0
        self._seconds: deque[float] = deque(maxlen=_AVERAGED)

    def exclude(self) -> None:
        """Exclude the time since the last call of this method or of `text`."""
        now = self._clock()
        self._began += now - self._called
        self._called = now

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
        self._called = now
        if whole > self._done:
            self._seconds.append((now - self._began) / (whole - self._done))
            self._began, self._done = now, whole
        seconds = list(self._seconds)
        if done - whole > _LEAST_DONE:
            seconds.append((now - self._began) / (done - whole))
        least = max(_LEAST_SECONDS, _LEAST_SHARE * max(seconds, default=0.0))
        computed = [one for one in seconds if one >= least]
        each = f", {sum(computed) / len(computed):.1f} s each" if computed else ""
        return f"Picking {min(whole + 1, total):,} of {total:,}{each}"
