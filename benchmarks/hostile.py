"""Thousands of damaged files: each gives a result or a clear error, in bounded time and memory.

    python benchmarks/hostile.py [--files 5000] [--seed 0]

Takes real files of each kind (micrographs of ACTIVEPICK_DATA where there are any), changes bytes,
cuts, doubles and swaps parts of them, and reads them in processes that may take 2 GB. Prints how
many were read and refused, the slowest, and what was neither, which must be nothing.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import tifffile
from PIL import Image

from activepick.errors import ActivepickError
from activepick.features.feature_spec import FeatureSpec
from activepick.formats import read_table
from activepick.learning.head import Head
from activepick.learning.head_file import load_head, save_head
from activepick.micrograph import Micrograph
from activepick.micrograph.discovery import find_micrographs
from activepick.session import Session, Settings

DATA = Path(os.environ.get("ACTIVEPICK_DATA", "../shared/data"))
SECONDS, GIGABYTES = 20.0, 2


def originals(folder: Path) -> dict[str, Path]:
    """Make a whole file of each kind."""
    real = sorted(DATA.glob("*/*.png"))
    if real:
        pixels = np.asarray(Image.open(real[0]), np.float32)[:512, :512]
    else:
        pixels = np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32)
    with mrcfile.new(folder / "a.mrc") as file:
        file.set_data(pixels)
        file.voxel_size = 1.5
    counts = (pixels - pixels.min()).astype(np.uint16)
    tifffile.imwrite(folder / "a.tif", counts)
    tifffile.imwrite(folder / "b.tif", counts, compression="zlib", tile=(64, 64))
    Image.fromarray(counts).save(folder / "a.png")
    stars = sorted(DATA.glob("*/truth.star"))
    rows = "".join(f"{k}.5 {k}.25 m{k % 3}.mrc 1\n" for k in range(300))
    columns = "_rlnCoordinateX\n_rlnCoordinateY\n_rlnMicrographName\n_rlnOpticsGroup\n"
    text = f"data_optics\n\nloop_\n_rlnOpticsGroup\n1\n\ndata_particles\n\nloop_\n{columns}{rows}"
    (folder / "a.star").write_text(stars[0].read_text() if stars else text)
    (folder / "b.star").write_text(text)
    spec = FeatureSpec("resnet16_u64", "0" * 16, (10.0, 20.0), 4, "affine", 4)
    save_head(Head(np.ones((2, 256)), 0.5, spec, 100.0), folder / "a.safetensors")
    with Session.create(folder / "session", Settings(diameter_angstrom=100)) as session:
        session.micrographs.add([folder / "a.mrc"])
        for k in range(200):
            session.labels.add(1, [(k, k)], 1 if k % 2 else 0)
    found = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    return found | {"journal.jsonl": session.folder / "journal.jsonl"}


def mutate(raw: bytes, lots: random.Random) -> bytes:
    """Damage a file in one of the ways in which files get damaged, or are made to harm."""
    data = bytearray(raw)
    start = min(len(data), 2048) if lots.random() < 0.6 else len(data)
    for _ in range(lots.choice((1, 1, 2, 8, 64))):
        place = lots.randrange(max(1, start))
        kind = lots.randrange(6)
        if kind == 0:
            data[place : place + 1] = lots.randbytes(1)
        elif kind == 1:
            data[place : place + 4] = lots.choice((b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff" * 4))
        elif kind == 2:
            del data[place : place + lots.randrange(1, 64)]
        elif kind == 3:
            data[place:place] = data[: lots.randrange(1, 256)]
        elif kind == 4:
            data[place : place + 8] = lots.randbytes(8)
        else:
            data[place:place] = lots.choice((b"\n", b"9" * 30, b"loop_\n", b"nan ", b"../", b"["))
    return bytes(data[: lots.randrange(len(data) + 1)] if lots.random() < 0.2 else data)


def read(path: Path) -> None:
    """Read a file as the program would."""
    if path.suffix == ".star":
        read_table(path)
        find_micrographs([path])
    elif path.suffix == ".safetensors":
        load_head(path)
    elif path.suffix == ".jsonl":
        with Session.open(path.parent, read_only=True):
            pass
    else:
        Micrograph(path, 1.5).working_images(60.0, [10.0])


def work(name: str, folder: Path, count: int, seed: int) -> None:
    """Read damaged copies of one file, in a process of its own."""
    limit = GIGABYTES * 2**30
    source = originals(folder)[name]
    raw, lots = source.read_bytes(), random.Random(f"{name} {seed}")
    victim = source if name == "journal.jsonl" else folder / f"victim{source.suffix}"
    read(source)  # which is whole still
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    warnings.simplefilter("ignore")
    result = {"read": 0, "refused": 0, "slowest": 0.0, "wrong": []}
    for number in range(count):
        victim.write_bytes(mutate(raw, lots))
        start = time.perf_counter()
        outcome, wrong = _outcome(lambda: read(victim))
        took = time.perf_counter() - start
        result[outcome] += 1  # type: ignore[operator]
        result["slowest"] = max(result["slowest"], took)  # type: ignore[call-overload]
        if wrong or took > SECONDS:
            kept = Path(tempfile.gettempdir()) / f"hostile-{seed}-{number}-{name}"
            shutil.copy(victim, kept)
            result["wrong"].append(f"{kept}: {wrong or f'{took:.1f} s'}")  # type: ignore[attr-defined]
    result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(result))


def _outcome(attempt: Callable[[], None]) -> tuple[str, str]:
    try:
        attempt()
    except ActivepickError:
        return "refused", ""
    except BaseException as error:
        return "refused", f"{type(error).__name__}: {error}"
    return "read", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=5000, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.kind:
            work(options.kind, folder, options.files, options.seed)
            return
        kinds = list(originals(folder))
    wrong: list[str] = []
    print(f"{'':<16}{'read':>7}{'refused':>9}{'slowest/s':>11}{'memory/GB':>11}")
    for kind in kinds:
        count = str(-(-options.files // len(kinds)))
        command = [sys.executable, __file__, "--kind", kind, "--files", count]
        command += ["--seed", str(options.seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            wrong.append(f"{kind}: the process ended with {done.returncode}: {done.stderr[-500:]}")
            continue
        result = json.loads(done.stdout.splitlines()[-1])
        wrong += result["wrong"]
        print(
            f"{kind:<16}{result['read']:>7}{result['refused']:>9}{result['slowest']:>11.2f}"
            f"{result['memory']:>11.2f}"
        )
    print("\n".join(wrong) or "no file gave anything else")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
