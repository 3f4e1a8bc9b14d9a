"""Read thousands of damaged files: each gives a result or a clear error, in bounded resources.

    python benchmarks/hostile.py [--files 100000] [--seed 0]

Real files of each kind (micrographs of ACTIVEPICK_DATA if it is set) are damaged: bytes are
changed, and parts are removed, doubled and exchanged. They are read in processes that may use 1 GB
more than at their start (Linux only). The script prints how many files were read and refused, the
slowest ones, and those that were neither read nor refused, of which there must be none.
"""

import argparse
import bz2
import contextlib
import gzip
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
import pandas as pd
import tifffile
from limits import Limits
from PIL import Image

from activepick.errors import ActivepickError
from activepick.features.feature_spec import FeatureSpec
from activepick.formats import FORMATS, read_table, write_table
from activepick.learning.head import Head
from activepick.learning.head_file import load_head, save_head
from activepick.micrograph import Micrograph
from activepick.micrograph.discovery import find_micrographs
from activepick.scoremap import Peaks
from activepick.session import MicrographEntry, Session, SessionState, Settings
from activepick.workspace.peak_store import PeakStore
from activepick.workspace.peaks import MicrographPeaks

DATA = Path(os.environ.get("ACTIVEPICK_DATA", "../shared/data"))
# Of processor time, as other programs may be running.
SECONDS, GIGABYTES = 2.0, 1


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
    Image.fromarray((counts % 256).astype(np.uint8)).save(folder / "a.jpg", progressive=True)
    for ending, pack in ((".gz", gzip.compress), (".bz2", bz2.compress)):
        (folder / f"a.mrc{ending}").write_bytes(pack((folder / "a.mrc").read_bytes()))
    picks = pd.DataFrame({"micrograph": "m0.mrc", "x": range(100), "y": 5.5, "score": 0.5})
    for format, file in (
        *(("csv", "a.csv"), ("topaz", "topaz.txt"), ("box", "a.box"), ("cbox", "a.cbox")),
        *(("eman", "a_info.json"), ("coords", "a.coords"), ("xmipp", "a.pos")),
    ):
        options = {"box_size": 20} if "box_size" in FORMATS[format].options else {}
        write_table(picks, folder / file, format, **options)
    fields = [("location/micrograph_path", "S20"), ("location/micrograph_shape", "<u4", (2,))]
    fields += [(f"location/center_{axis}_frac", "<f4") for axis in "xy"]
    with (folder / "a.cs").open("wb") as file:
        np.save(file, np.full(50, 1, fields), allow_pickle=False)
    (folder / "list.lst").write_text("a.mrc\na.tif\n# a comment\n")
    entry = session.state.micrographs[1]
    scores = np.linspace(40, 1, 40, dtype=np.float32)
    found = Peaks(np.ones((40, 2), np.float32), scores, scores, 5.0, (512, 512))
    store = PeakStore(session.folder / "peaks")
    store.put(entry, MicrographPeaks(1, found, 0.1, "head", {(1.0, 1.0): (0.5, 1)}), on_disk=True)
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    files += [session.folder / "journal.jsonl", session.folder / "session.json"]
    files += sorted((session.folder / "peaks").iterdir())
    return {f"peaks{path.suffix}" if path.suffix == ".npz" else path.name: path for path in files}


def _ending(path: Path) -> str:
    """Return what stands behind the first dot, or what EMAN's files end in."""
    return "_info.json" if path.name.endswith("_info.json") else "".join(path.suffixes)


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
    if path.suffix == ".npz":
        entry = MicrographEntry(id=1, relative="a.mrc", absolute="/a", fingerprint=path.stem)
        state = SessionState(Settings(diameter_angstrom=100), {1: entry})
        peaks = PeakStore(path.parent).get(entry)
        if peaks is None:
            raise ActivepickError("dropped, and made again")
        peaks.picks(state)
    elif path.suffix in (".star", ".cs"):
        for attempt in (read_table, lambda path: find_micrographs([path])):
            with contextlib.suppress(ActivepickError):
                attempt(path)
        read_table(path)
    elif path.suffix == ".lst":
        find_micrographs([path])
    elif path.name == "session.json" or path.suffix == ".jsonl":
        with Session.open(path.parent, read_only=True):
            pass
    elif path.suffix in (".csv", ".txt", ".box", ".cbox", ".json", ".coords", ".pos"):
        read_table(path)
    elif path.suffix == ".safetensors":
        load_head(path)
    else:
        Micrograph(path, 1.5).working_images(60.0, [10.0])


def work(name: str, folder: Path, count: int, seed: int) -> None:
    """Read damaged copies of one file, in a process of its own."""
    source = originals(folder)[name]
    raw, lots = source.read_bytes(), random.Random(f"{name} {seed}")
    victim = source if source.parent != folder else folder / f"victim{_ending(source)}"
    read(source)  # which is whole still
    # Libraries reserve as much for their threads before, without using it.
    reserved = Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]
    limit = int(reserved) * 1024 + GIGABYTES * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    warnings.simplefilter("ignore")
    result = {"read": 0, "refused": 0, "slowest": 0.0, "wrong": []}
    for number in range(count):
        victim.write_bytes(mutate(raw, lots))
        start = time.process_time()
        outcome, wrong = _outcome(lambda: read(victim))
        took = time.process_time() - start
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
    parser.add_argument("--files", type=int, default=100_000, help="of all kinds together")
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
            f"{result['memory']:>11.2f}",
            flush=True,
        )
    print("\n".join(wrong))
    limits = Limits()
    limits.at_most("files that were neither read nor refused", len(wrong), 0)
    limits.exit()


if __name__ == "__main__":
    main()
