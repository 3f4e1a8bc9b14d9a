"""Connect to a running Dask cluster, or start workers with Slurm."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from typing import Any

from activepick.errors import SettingsError

__all__ = ["cluster_connection"]

_INSTALL = "install it with pip install 'napari-activepick[distributed]'."


def cluster_connection(
    stack: ExitStack, scheduler: str | None, slurm: bool, jobs: int
) -> Callable[[], Any]:
    """Return a function that connects to a cluster.

    Parameters
    ----------
    stack
        Ends the Slurm jobs when it is closed.
    scheduler
        Address of a Dask scheduler, such as tcp://node:8786.
    slurm
        Whether to start workers with Slurm, with the user's configuration of dask-jobqueue.
    jobs
        Number of Slurm jobs.

    Returns
    -------
    callable
        Returns a new `distributed.Client`.

    Raises
    ------
    SettingsError
        If both or neither of `scheduler` and `slurm` are given, a package is not installed, or
        Slurm is not available.
    """
    if (scheduler is None) != slurm:
        raise SettingsError("Give either --scheduler or --slurm.")
    try:
        client: Any = import_module("distributed").Client
    except ImportError as error:
        raise SettingsError(f"Dask is not installed: {_INSTALL}") from error
    place: Any = scheduler if scheduler is not None else stack.enter_context(_slurm(jobs))

    def connect() -> Any:
        try:
            return client(place, timeout=20, set_as_default=False)
        except ValueError as error:
            raise SettingsError(f"--scheduler {scheduler}: {error}.") from error

    return connect


def _slurm(jobs: int) -> Any:
    try:
        make: Any = import_module("dask_jobqueue").SLURMCluster
    except ImportError as error:
        raise SettingsError(f"dask-jobqueue is not installed: {_INSTALL}") from error
    if shutil.which("sbatch") is None:
        raise SettingsError(
            "--slurm: there is no sbatch here. Run the command where jobs are submitted."
        )
    if jobs < 1:
        raise SettingsError(f"--jobs {jobs}: give 1 or more.")
    try:
        cluster = make()
    except (ValueError, TypeError) as error:
        raise SettingsError(
            f"--slurm: the configuration of dask-jobqueue is not complete ({error}). It is "
            "~/.config/dask/jobqueue.yaml, see https://jobqueue.dask.org."
        ) from error
    cluster.scale(jobs=jobs)
    return cluster
