"""Measure the network, picking from files, a click, and Topaz on an NVIDIA GPU.

    python benchmarks/gpu.py [--out FOLDER] [--parts layers pick click topaz] [--device cuda]

`layers` times the layers of the network in several forms on an image in GPU memory, and the scores
of the program for an image in main memory, and compares them with the rate at which the GPU
multiplies half-precision matrices. `pick` picks `--micrographs` files of 4096 x 4096 pixels,
float32, that were just written (so that they are read from the page cache), with the default head
and with a head of two scales, and times each step alone. `click` opens a micrograph of 4096 x 4096
pixels in a session and measures the time from a new label to new picks, and the product of features
and head with the features in main memory and in GPU memory. `topaz` runs Topaz's own `extract` on
the same GPU, on files that were downsampled before, which is not counted. Both programs run as
whole processes on one file and on all files, so that the start of Python and of the GPU is not
counted.

The figures are also written to FOLDER/gpu.json. Limits: 10 times faster than Topaz's extract, 60 %
of the speed of the same layers alone, 10 micrographs per second with the default head, first picks
of an opened micrograph within 1 s, a click within 50 ms, no more memory than allowed. Without a
GPU, nothing is measured; `--device cpu` tests the script itself.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from limits import MISSED
from whole_process import DIAMETER, PICK, PIXEL_SIZE, PYTHON, micrograph, run, write

from activepick.batch.local import pick_locally, readers_for
from activepick.features import layers as fast_layers
from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.features.network import Network
from activepick.features.projection import project
from activepick.features.scales import FINE_RATIO
from activepick.learning.head import Head, pretrained_head
from activepick.micrograph import Micrograph
from activepick.micrograph.discovery import find_micrographs
from activepick.picking.picker import Picker
from activepick.picking.rules import PickRules
from activepick.scoremap import find_peaks
from activepick.session import Session, Settings
from activepick.workspace.workspace import Workspace

FASTER, SHARE, RATE, OPENING_S, CLICK_MS = 10.0, 0.6, 10.0, 1.0, 50.0
MEMORY_GIB = 2.0
RADIUS = 14.0
PARTS = ("layers", "pick", "click", "topaz")

Figures = dict[str, Any]


def waited(device: str) -> None:
    """Wait until the GPU has finished."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(device: str, work: Callable[[], object], repeats: int = 10, warm: int = 3) -> float:
    """Return the median duration of some runs in seconds, after some that are not counted."""
    times = []
    for k in range(repeats + warm):
        waited(device)
        start = time.perf_counter()
        work()
        waited(device)
        if k >= warm:
            times.append(time.perf_counter() - start)
    return float(np.median(times))


def say(figures: Figures, name: str, value: float, unit: str) -> None:
    figures[name] = value
    print(f"{name:<66}{value:>10.4g} {unit}", flush=True)


def operations(network: torch.nn.Module, image: torch.Tensor) -> float:
    """Return the multiplications and additions of the convolutions for an image."""
    total = 0.0

    def count(module: Any, given: Any, out: torch.Tensor) -> None:
        nonlocal total
        total += 2.0 * out.numel() * module.weight[0].numel()

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    with torch.inference_mode():
        network(image)
    for hook in hooks:
        hook.remove()
    return total


def plain_layers(device: str, dtype: torch.dtype, *, last: bool) -> torch.nn.Module:
    module = load_backbone().layers.to(device, dtype)
    return module.to(memory_format=torch.channels_last) if last else module  # type: ignore[call-overload]


def measure_layers(figures: Figures, device: str, edge: int) -> None:
    """Time the layers in several forms, and the scores of the same image."""
    dtype = torch.float16 if device == "cuda" else torch.bfloat16
    size = 8192 if device == "cuda" else 1024
    square = torch.randn(size, size, device=device).to(dtype)
    peak = 2 * size**3 / seconds(device, partial(torch.matmul, square, square.T.contiguous()))
    say(figures, f"product of {size} x {size} matrices", peak / 1e12, "TFLOP/s")
    del square
    backbone = load_backbone()
    half = backbone.width // 2
    pixels = np.random.default_rng(0).standard_normal((edge, edge)).astype(np.float32)
    padded = torch.nn.functional.pad(torch.from_numpy(pixels), (half,) * 4)[None, None]
    image = padded.to(device, dtype)
    work = operations(plain_layers(device, dtype, last=True), image)
    say(figures, f"operations of the layers for {edge} x {edge}", work / 1e12, "TFLOP")

    def report(name: str, took: float, count: int = 1) -> float:
        took /= count
        say(figures, f"{name}", took * 1e3, "ms")
        say(figures, f"{name}, of the matrix rate", work / took / peak, "")
        return took

    last = image.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        layers = plain_layers(device, dtype, last=False)
        report("layers", seconds(device, lambda: layers(image)))
        layers = plain_layers(device, dtype, last=True)
        alone = plain = report("layers, channels last", seconds(device, lambda: layers(last)))
        if device == "cuda":
            with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=True):
                took = seconds(device, lambda: layers(last), warm=5)
                alone = min(alone, report("layers, channels last, cuDNN's trials", took))
            batch = last.expand(4, -1, -1, -1).contiguous(memory_format=torch.channels_last)
            report("layers, channels last, four images", seconds(device, lambda: layers(batch)), 4)
            took = seconds(device, graph_of(layers, last))
            alone = min(alone, report("layers, channels last, one graph", took))
        for is_fused in (True, False) if device == "cuda" else (False,):
            known = fast_layers._fused_is_right
            if not is_fused:
                fast_layers._fused_is_right = lambda device, dtype: False  # type: ignore[assignment]
            network = Network(backbone.layers, (), torch.device(device), dtype)
            inside = (slice(half, half + edge),) * 2
            tile = padded[0, 0].to(device, dtype)
            name = f"the network of activepick{', fused' if is_fused else ''}"
            report(name, seconds(device, partial(network, tile, inside)))
            if device == "cuda":
                with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=True):
                    took = seconds(device, partial(network, tile, inside), warm=5)
                report(f"{name}, cuDNN's trials", took)
                report(f"{name}, one graph", seconds(device, graph_of(network, tile, inside)))
            fast_layers._fused_is_right = known
    for precision in ("auto", "bfloat16", "float32"):
        extractor = Extractor(backbone, device=device, precision=precision)
        score = partial(extractor.score, pixels, backbone.weights, backbone.bias)
        ours = seconds(device, score)
        say(figures, f"scores from main memory, {precision}", ours * 1e3, "ms")
        if precision == "auto":
            from_memory = ours
        two = seconds(device, partial(score, orientations=2))
        say(figures, f"scores of two orientations, {precision}", two * 1e3, "ms")
        kept = seconds(device, partial(extractor.extract, pixels))
        say(figures, f"features to main memory, {precision}", kept * 1e3, "ms")
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        small = Extractor(backbone, device=device, memory_gib=MEMORY_GIB)
        small.score(np.tile(pixels, (4, 4)), backbone.weights, backbone.bias)
        torch.cuda.set_per_process_memory_fraction(1.0)
        taken = torch.cuda.max_memory_reserved() / 2**30
        say(figures, f"memory used of {MEMORY_GIB:g} GiB allowed", taken, "GiB")
        # This is last because the processes of the compiler continue to run after it.
        alone = min(alone, measure_compiled(report, layers, last))
    say(figures, "share of the speed of the layers alone", plain / from_memory, "")
    say(figures, "share of the speed of their fastest form", alone / from_memory, "")


def measure_compiled(
    report: Callable[..., float], layers: torch.nn.Module, image: torch.Tensor
) -> float:
    """Time the plain layers compiled."""
    compiled = torch.compile(layers)
    try:
        with torch.inference_mode():
            took = seconds("cuda", lambda: compiled(image), warm=5)
    except Exception as error:  # a missing or failing compiler raises many kinds of errors
        print(f"torch.compile failed: {error}"[:300])
        return float("inf")
    return report("layers, channels last, compiled", took)


def graph_of(module: Callable[..., torch.Tensor], *given: Any) -> Callable[[], object]:
    """Return a function that replays a recorded run."""
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            module(*given)
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        module(*given)
    return graph.replay


def files_in(folder: Path, count: int, size: int) -> list[Path]:
    """Write micrographs, ten of which differ, and return their paths."""
    pixels = micrograph(folder)[0][:size, :size]
    folder.mkdir(exist_ok=True)
    paths = [folder / f"m{number:03}.mrc" for number in range(count)]
    for number, path in enumerate(paths):
        if number < 10:
            other = np.roll(pixels[:: (-1) ** number], 97 * number, axis=1)
            write(np.ascontiguousarray(other), path)
        else:
            os.link(paths[number % 10], path)
    return paths


def heads(engine: FeatureEngine, radius: float) -> dict[str, Head]:
    """Return the pretrained head at one scale, and one with two scales, as trained heads have."""
    backbone = engine.extractor.backbone
    spec = engine.spec([radius])
    one = pretrained_head(spec, backbone.weights, backbone.bias, radius)
    both = engine.spec([radius, radius * FINE_RATIO])
    two = pretrained_head(both, backbone.weights, backbone.bias, radius)
    two.weights[:] = backbone.weights / 2
    return {"one scale": one, "two scales": two}


def measure_picking(figures: Figures, device: str, count: int, size: int, folder: Path) -> None:
    """Time picking from files, and each step alone."""
    paths = files_in(folder / "micrographs", count, size)
    extractor = Extractor(load_backbone(), device=device)
    engine = FeatureEngine(extractor, DIAMETER)
    files = [Micrograph(path) for path in paths[:10]]
    took = seconds(device, lambda: engine.best_radius(iter(files)), 1, 1)
    say(figures, "choosing the scale", took, "s")
    radius = engine.best_radius(iter(files))
    say(figures, "working radius that the images choose", radius, "px")
    found = find_micrographs(paths).found
    for name, head in heads(engine, radius).items():
        picker = Picker(engine, head, PickRules())
        file = files[0]
        read = picker.read(file)
        scores = picker.score_map(read)
        radii = head.spec.working_radii
        parts: dict[str, Callable[[], object]] = {
            "reading the pixels": file.read,
            "reading, and resampling on the processor": partial(
                file.working_images, DIAMETER, radii
            ),
            "reading, and resampling on the GPU": partial(picker.read, file),
            "scores": partial(picker.score_map, read),
            "peaks": partial(find_peaks, scores),
            "scores, peaks and picks": partial(picker.pick, read),
        }
        for part, work in parts.items():
            say(figures, f"{name}: {part}", seconds(device, work, 5, 2) * 1e3, "ms")
        for threads in (1, 4, 8, 12):
            rate = in_threads(threads, partial(picker.read, file), 6 * threads)
            say(
                figures, f"{name}: reads and resamplings per second, {threads} threads", rate, "1/s"
            )
        for threads in (1, 2, 4):
            rate = in_threads(threads, partial(picker.pick, read), 20 * threads)
            say(figures, f"{name}: scores and picks per second, {threads} threads", rate, "1/s")
        for readers in sorted({4, readers_for(device), 12}):
            start, first = time.perf_counter(), 0.0
            for number, outcome in enumerate(pick_locally(picker, found, readers=readers)):
                assert outcome.picks is not None, outcome.failure
                if number == 9:
                    first = time.perf_counter()
            end = time.perf_counter()
            rate = (count - 10) / (end - first)
            say(figures, f"{name}: micrographs per second, {readers} readers", rate, "1/s")
            say(figures, f"{name}: seconds of {count}, {readers} readers", end - start, "s")
        if device == "cuda":
            busy = busy_share(picker, found)
            say(figures, f"{name}: share of the time in which the GPU computes", busy, "")
    start = time.perf_counter()
    options = ["--diameter", str(DIAMETER), "--device", device, "--out", str(folder / "all.star")]
    run([*PICK, str(folder / "micrographs"), *options])
    say(figures, f"command, {count} micrographs, start included", time.perf_counter() - start, "s")


def in_threads(threads: int, work: Callable[[], object], count: int) -> float:
    """Return how often several threads do some work per second."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: work(), range(threads)))
        start = time.perf_counter()
        list(pool.map(lambda _: work(), range(count)))
        return count / (time.perf_counter() - start)


def busy_share(picker: Picker, found: Any) -> float:
    """Return the share of the time in which kernels or copies run."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        start = time.perf_counter()
        for _ in pick_locally(picker, found[:40]):
            pass
        torch.cuda.synchronize()
        took = time.perf_counter() - start
    spans = sorted(
        (event.time_range.start, event.time_range.end)
        for event in profiler.events()
        if str(event.device_type).endswith("CUDA")
    )
    busy, until = 0.0, 0.0
    for begin, end in spans:
        busy += max(0.0, end - max(begin, until))
        until = max(until, end)
    return busy / 1e6 / took


def measure_click(figures: Figures, device: str, size: int, folder: Path) -> None:
    """Time the opening of a micrograph in a session, and a click."""
    paths = files_in(folder / "clicks", 4, size)
    radii = (RADIUS, RADIUS * FINE_RATIO)
    settings = Settings(
        diameter_angstrom=DIAMETER,
        pixel_size_angstrom=PIXEL_SIZE,
        working_radius_px=radii[0],
        working_radii_px=radii,
    )
    start = time.perf_counter()
    backbone = load_backbone()
    extractor = Extractor(backbone, device=device)

    def make_engine(settings: Settings) -> FeatureEngine:
        return FeatureEngine(extractor, settings.diameter_angstrom)

    with (
        Session.create(folder / "session", settings) as session,
        Workspace(session, make_engine) as workspace,
    ):
        session.micrographs.add(paths)
        for number in (1, 2, 3):
            workspace.open(number)
            workspace.predictor.picks(number)
            took, start = time.perf_counter() - start, time.perf_counter()
            name = "first picks of the first micrograph, with the start of the GPU"
            say(figures, name if number == 1 else f"first picks of micrograph {number}", took, "s")
        numbers = np.random.default_rng(0)
        for k in range(60):
            place = numbers.uniform(size / 8, size * 7 / 8, 2)
            session.labels.add(1 + k % 2, [tuple(place)], 1 if k // 2 % 2 else 0)
        workspace.trainer.refit()
        times: dict[str, list[float]] = {"refit": [], "picks": [], "click": []}
        for k in range(30):
            place = numbers.uniform(size / 8, size * 7 / 8, 2)
            session.labels.add(1, [tuple(place)], 1 if k % 2 else 0)
            begin = time.perf_counter()
            workspace.trainer.update()
            middle = time.perf_counter()
            workspace.predictor.picks(1)
            end = time.perf_counter()
            for key, value in zip(times, (middle - begin, end - middle, end - begin), strict=True):
                times[key].append(value * 1e3)
        for key, values in times.items():
            say(figures, f"{key}, median", float(np.median(values)), "ms")
        features = workspace.open(1)
        weights = workspace.trainer.head.weights
        host = seconds(
            device, lambda: [m.project(w) for m, w in zip(features.maps, weights, strict=True)]
        )
        say(figures, "projection of features in main memory", host * 1e3, "ms")
        kept = [torch.from_numpy(m.values).to(device) for m in features.maps]
        on_gpu = seconds(
            device, lambda: [project(m, w).cpu() for m, w in zip(kept, weights, strict=True)]
        )
        say(figures, "projection of features in GPU memory", on_gpu * 1e3, "ms")


def each(
    folder: Path, command: Callable[[list[Path], Path], list[str]], files: list[Path]
) -> float:
    """Return the seconds that a command needs for one more file."""
    one, _ = run(command(files[:1], folder / "one"))
    every, _ = run(command(files, folder / "all"))
    return (every - one) / (len(files) - 1)


def measure_topaz(figures: Figures, device: str, count: int, size: int, folder: Path) -> None:
    """Time Topaz's `extract` and `activepick pick` as whole processes on one file and on all."""
    files = files_in(folder / "topaz", count, size)
    small = folder / "small"
    module = [PYTHON, "-m"]
    run([*module, "topaz.commands.preprocess", "-s", "4", "-o", f"{small}/", *map(str, files)])
    number = "0" if device == "cuda" else "-1"
    extract = [*module, "topaz.commands.extract", "-r", "14", "-x", "4", "-d", number]

    def topaz(some: list[Path], out: Path) -> list[str]:
        return [*extract, "-o", f"{out}.txt", *map(str, some)]

    def ours(some: list[Path], out: Path) -> list[str]:
        settings = ["--diameter", str(DIAMETER), "--working-radius", "13", "--device", device]
        return [*PICK, *map(str, some), *settings, "--fresh", "--out", f"{out}.star"]

    theirs = each(folder, topaz, sorted(small.glob("*.mrc")))
    say(figures, "Topaz's extract, one more micrograph", theirs, "s")
    # More files, because a few take less time than the differences between starts of the program.
    many = files_in(folder / "many", 15 * count, size)
    mine = min(each(folder, ours, many) for _ in range(2))
    say(figures, "activepick pick, one more micrograph", mine, "s")
    say(figures, "times faster than Topaz's extract", theirs / mine, "")


def missed(figures: Figures) -> list[str]:
    """Return the measured limits that are not met."""
    least = {
        "times faster than Topaz's extract": FASTER,
        "share of the speed of the layers alone": SHARE,
        "one scale: micrographs per second, 8 readers": RATE,
    }
    most = {
        "first picks of micrograph 2": OPENING_S,
        "click, median": CLICK_MS,
        f"memory used of {MEMORY_GIB:g} GiB allowed": MEMORY_GIB,
    }
    low = [f"{name} below {limit:g}" for name, limit in least.items() if name in figures
           and figures[name] < limit]  # fmt: skip
    high = [f"{name} above {limit:g}" for name, limit in most.items() if name in figures
            and figures[name] > limit]  # fmt: skip
    return low + high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder of gpu.json")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--micrographs", type=int, default=100)
    parser.add_argument("--size", type=int, default=4096)
    options = parser.parse_args()
    device = options.device
    if device == "cuda" and not torch.cuda.is_available():
        print("PyTorch finds no NVIDIA GPU here: nothing was measured")
        return
    name = torch.cuda.get_device_name() if device == "cuda" else "processor"
    figures: Figures = {"device": name, "cores": os.cpu_count(), "torch": torch.__version__}
    print(f"{name}, {os.cpu_count()} cores, PyTorch {torch.__version__}")
    with tempfile.TemporaryDirectory() as work:
        for part in options.parts:
            print(f"-- {part}", flush=True)
            folder = Path(work)
            if part == "layers":
                measure_layers(figures, device, options.size // 4)
            elif part == "pick":
                measure_picking(figures, device, options.micrographs, options.size, folder)
            elif part == "click":
                measure_click(figures, device, options.size, folder)
            else:
                measure_topaz(figures, device, options.micrographs // 5, options.size, folder)
            if options.out is not None:
                options.out.mkdir(parents=True, exist_ok=True)
                (options.out / "gpu.json").write_text(json.dumps(figures, indent=1))
    if device == "cpu":
        return
    for line in missed(figures):
        print(f"{line} {MISSED}")
    sys.exit(bool(missed(figures)))


if __name__ == "__main__":
    main()
