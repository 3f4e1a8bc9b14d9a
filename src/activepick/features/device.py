"""Choose the device and the precision of the network."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import torch

from activepick.errors import SettingsError

__all__ = [
    "DEVICES",
    "PRECISIONS",
    "choose_device",
    "choose_precision",
    "missing_gpu_notice",
    "own_stream",
]

DEVICES = ("auto", "cuda", "mps", "cpu")
PRECISIONS = ("auto", "bfloat16", "float16", "float32")

_of_thread = threading.local()


def choose_device(name: str = "auto") -> torch.device:
    """Return the device for a name; "auto" uses a GPU if there is one.

    Parameters
    ----------
    name
        One of `DEVICES`, or "cuda:" and the number of a GPU.

    Raises
    ------
    SettingsError
        If the name is unknown or the computer has no such device.
    """
    kind = name.split(":")[0]
    if kind not in DEVICES:
        raise SettingsError(
            f"The device {name!r} is unknown: use one of {', '.join(DEVICES)}.", option="--device"
        )
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, here in present.items() if here))
    if not present[kind]:
        raise SettingsError(
            f"PyTorch finds no device {name} here. Use the CPU, or install a PyTorch build with "
            "support for your GPU.",
            option="--device cpu",
        )
    return torch.device(name)


def missing_gpu_notice(device: torch.device) -> str | None:
    """Return a notice if the CPU is used on a computer with an NVIDIA driver."""
    has_driver = Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None
    if device.type != "cpu" or not has_driver or torch.cuda.is_available():
        return None
    return (
        "There is an NVIDIA driver, but PyTorch finds no GPU: the network runs on the CPU, "
        "which takes many times as long. Check nvidia-smi, CUDA_VISIBLE_DEVICES, and that PyTorch "
        "was installed with CUDA."
    )


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the number type for a name; "auto" uses 16 bits if that is faster.

    On a CPU, "auto" uses 16 bits only if the CPU has instructions for bfloat16: others emulate
    them slowly.

    Parameters
    ----------
    name
        One of `PRECISIONS`.
    device
        Device of the network.

    Raises
    ------
    SettingsError
        If the name is unknown.
    """
    if name not in PRECISIONS:
        raise SettingsError(
            f"The precision {name!r} is unknown: use one of {', '.join(PRECISIONS)}.",
            option="--precision",
        )
    if name != "auto":
        dtype: torch.dtype = getattr(torch, name)
        return dtype
    if device.type == "cuda":
        return torch.float16 if torch.cuda.get_device_capability(device)[0] >= 7 else torch.float32
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32


def _cpu_has_bfloat16() -> bool:
    # Both functions are private to PyTorch and missing in some versions, which counts as "no".
    checks = (
        getattr(torch.cpu, "_is_avx512_bf16_supported", None),
        getattr(torch.cpu, "_is_amx_tile_supported", None),
    )
    return any(check is not None and check() for check in checks)


@contextlib.contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Allow copies and computations of several threads on one GPU to overlap.

    Copy the results to the CPU before the context ends.
    """
    if device.type != "cuda":
        yield
        return
    # One for each thread, not for each use: PyTorch reuses memory only within a stream.
    streams: dict[torch.device, torch.cuda.Stream] = _of_thread.__dict__.setdefault("streams", {})
    if device not in streams:
        streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    with torch.cuda.stream(streams[device]):
        yield
