"""Computing with one thread where a second one costs more than it saves."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Literal

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]


def one_thread(user_api: Literal["blas", "openmp"]) -> AbstractContextManager[object]:
    """Limit libraries to one thread inside a ``with`` block.

    Small matrices are multiplied sooner than a second thread wakes up, and a thread that waits for
    another one waits long whenever the machine does something else as well.

    Parameters
    ----------
    user_api
        "blas" for products of NumPy and SciPy, "openmp" for those of PyTorch, which must be loaded.
    """
    limit: AbstractContextManager[object] = _libraries(user_api).limit(limits=1, user_api=user_api)
    return limit


@cache
def _libraries(user_api: str) -> ThreadpoolController:
    """Return the loaded libraries. Finding them takes milliseconds, and tens of them with CUDA."""
    if user_api == "blas":
        import scipy.linalg  # noqa: F401  its BLAS is a library of its own
    return ThreadpoolController()
