"""Time of the features of one working image, compared with Topaz's own dense network.

    python benchmarks/features.py [--size 512]

Topaz's `fill()` turns strides into dilations and computes every pixel. The extractor's strides 4, 2
and 1 give every fourth, second, and each sample of the same map. The share is relative to
the floating-point operations per second that the machine reaches when it multiplies two large
matrices in the same precision. Limit: at stride 4 at least 15 times faster, in bfloat16 if the
processor supports it.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from limits import Limits
from topaz.model.factory import load_model
from torch.utils.flop_counter import FlopCounterMode

from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the median time of some runs after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


LIMIT = 15.0


def matmul_rate(dtype: torch.dtype, size: int = 2048) -> float:
    """Return the number of operations per second when two square matrices are multiplied."""
    matrix = torch.randn(size, size).to(dtype)
    return 2 * size**3 / seconds(lambda: matrix @ matrix)


def operations(extractor: Extractor, image: np.ndarray) -> float:
    """Return the floating-point operations of the features of an image."""
    with FlopCounterMode(display=False) as counter:
        extractor.extract(image)
    return float(counter.get_total_flops())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512, help="edge of the image (default 512)")
    size = parser.parse_args().size
    image = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    model = load_model("resnet16_u64").eval()
    model.fill()

    def dense() -> np.ndarray:
        with torch.inference_mode():
            features: np.ndarray = model.features(torch.from_numpy(image)[None, None])[0].numpy()
        return features

    reference = dense().transpose(1, 2, 0)
    topaz = seconds(dense, 1)
    print(f"{size} x {size}, {torch.get_num_threads()} threads: Topaz fill() {topaz:.2f} s")
    titles = ("precision", "seconds", "times faster", "difference", "share of matmul")
    print(f"{'stride':>6}" + "".join(f"{title:>17}" for title in titles))
    limits = Limits()
    backbone = load_backbone()
    for stride in (4, 2, 1):
        for precision in ("auto", "float32"):
            extractor = Extractor(backbone, stride=stride, device="cpu", precision=precision)
            ours = extractor.extract(image).astype(np.float32)
            wrong = np.abs(ours - reference[::stride, ::stride]).max() / np.abs(reference).max()
            took = seconds(lambda extractor=extractor: extractor.extract(image))  # type: ignore[misc]
            name = str(extractor.dtype).removeprefix("torch.")
            share = operations(extractor, image) / took / matmul_rate(extractor.dtype)
            numbers = (f"{took:.3f}", f"{topaz / took:.1f}", f"{wrong:.1e}", f"{share:.2f}")
            print(f"{stride:>6}" + "".join(f"{text:>17}" for text in (name, *numbers)))
            if stride == 4 and name == "bfloat16":
                limits.at_least("  stride 4, bfloat16", topaz / took, LIMIT, "times faster")
    limits.exit()


if __name__ == "__main__":
    main()
