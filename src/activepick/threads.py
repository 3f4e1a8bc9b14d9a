"""Threads of numerical libraries that would cost more than they save."""

import os
from contextlib import AbstractContextManager
from functools import cache
from typing import Literal

from threadpoolctl import ThreadpoolController

__all__ = ["READER", "one_thread", "wait_without_spinning"]

# Name of the threads that read micrographs; commands wait for these threads before they end.
READER = "read-ahead"

# GNU's OpenMP lets a thread without work test a variable 300,000 times, for about a millisecond,
# before it sleeps. While another program uses one of two cores, this delays the threads that have
# work: class averages of 1,000 crops then take 15 s with 5,000 tests, and 9 s with 500. Without
# other programs, 500 tests cost up to a fifth in class averages and nothing in the network.
_SPINS = "500"


def one_thread(user_api: Literal["blas", "openmp"]) -> AbstractContextManager[object]:
    """Limit libraries to one thread inside a ``with`` block.

    Products of small matrices are faster than the start of a second thread, and threads that wait
    for each other are slow if the machine is busy with other programs.

    Parameters
    ----------
    user_api
        "blas" for NumPy and SciPy, "openmp" for PyTorch, which has to be imported before.
    """
    limit: AbstractContextManager[object] = _libraries(user_api).limit(limits=1, user_api=user_api)
    return limit


def wait_without_spinning() -> None:
    """Let threads of OpenMP sleep soon while they wait for others.

    This has an effect only before PyTorch is imported. Settings of the user take precedence.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


@cache
def _libraries(user_api: str) -> ThreadpoolController:
    """Return the loaded libraries. The search takes milliseconds, ten times as many with CUDA."""
    if user_api == "blas":
        import scipy.linalg  # noqa: F401  SciPy has its own BLAS library
    return ThreadpoolController()
