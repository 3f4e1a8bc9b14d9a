"""Read thousands of damaged files: each gives a result or a clear error, in bounded resources.

    python benchmarks/hostile.py [--files 100000] [--seed 0]

Real files of each kind (micrographs of ACTIVEPICK_DATA if it is set) are damaged: bytes are
changed, and parts are removed and doubled. Every second file is damaged inside: what is compressed
or has checksums is packed again, and values in JSON are replaced, so that readers do not stop at
the first checksum. The files are read in processes that may use 1 GB more than at their start
(Linux only). The script prints how many files were read and refused, the mean and the longest
processor time, the memory, and the files that were neither read nor refused, of which there must be
none.
"""

import argparse
import bz2
import contextlib
import gzip
import io
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

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
        pixels = np.asarray(Image.open(real[0]), np.float32)[:256, :256]
    else:
        pixels = np.random.default_rng(0).standard_normal((256, 256)).astype(np.float32)
    with mrcfile.new(folder / "a.mrc") as file:
        file.set_data(pixels)
        file.voxel_size = 1.5
    counts = (pixels - pixels.min()).astype(np.uint16)
    tifffile.imwrite(folder / "a.tif", counts)
    tifffile.imwrite(folder / "b.tif", counts, compression="zlib", tile=(64, 64))
    Image.fromarray(counts[:192, :192]).save(folder / "a.png")
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
        session.undo()
        session.redo()
        session.set_settings(batch=7)
    Image.fromarray((counts % 256).astype(np.uint8)).save(folder / "a.jpg", progressive=True)
    with mrcfile.new(folder / "small.mrc") as file:
        file.set_data(pixels[:96, :96])
    small = (folder / "small.mrc").read_bytes()
    (folder / "small.mrc").unlink()
    (folder / "a.mrc.gz").write_bytes(gzip.compress(small))
    (folder / "a.mrc.bz2").write_bytes(bz2.compress(small))
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
    group = "created: 2024-01-01\nresults:\n" + "".join(
        f"  {slot}:\n    metafile: '>a.cs'\n    num_items: 50\n    type: particle.{slot}\n"
        for slot in ("blob", "location", "pick_stats")
    )
    (folder / "group.csg").write_text(group)
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
    """Return the part of the name after the first dot, or the ending of EMAN's files."""
    return "_info.json" if path.name.endswith("_info.json") else "".join(path.suffixes)


def mutate(raw: bytes, lots: random.Random) -> bytes:
    """Damage a file in one of the ways in which files are damaged by chance or on purpose."""
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


def mutated(raw: bytes, name: str, lots: random.Random) -> bytes:
    """Damage a file; every second time inside its compressed or checksummed parts."""
    inside = next((own for end, own in _INSIDE.items() if name.endswith(end)), None)
    return mutate(raw, lots) if inside is None or lots.random() < 0.5 else inside(raw, lots)


def _repacked(
    unpack: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]
) -> Callable[[bytes, random.Random], bytes]:
    def inside(raw: bytes, lots: random.Random) -> bytes:
        return pack(mutate(unpack(raw), lots))

    return inside


def _in_zip(raw: bytes, lots: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    victim = lots.choice(sorted(members))
    members[victim] = mutate(members[victim], lots)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return packed.getvalue()


def _in_chunks(raw: bytes, lots: random.Random) -> bytes:
    """Damage a chunk of a PNG file, of the pixels before they were compressed."""
    chunks, start = [], 8
    while start < len(raw):
        (size,) = struct.unpack(">I", raw[start : start + 4])
        chunks.append((raw[start + 4 : start + 8], raw[start + 8 : start + 8 + size]))
        start += size + 12
    pixels = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    parts = [(kind, data) for kind, data in chunks if kind != b"IDAT"]
    parts.insert(-1, (b"IDAT", pixels))
    victim = lots.randrange(len(parts))
    kind, data = parts[victim]
    parts[victim] = (lots.choice((kind, kind, b"iCCP", b"tEXt", b"acTL")), mutate(data, lots))
    packed = raw[:8]
    for kind, data in parts:
        whole = kind + (zlib.compress(data, 1) if kind == b"IDAT" else data)
        packed += struct.pack(">I", len(whole) - 4) + whole + struct.pack(">I", zlib.crc32(whole))
    return packed


_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 1e308, 2**63, 10**30, int("9" * 400), "", "a\n", "\udc80", "../a"),
    *([], {}, [[]], [1], {"a": 1}, "x" * 5000),
)


def _odd(value: Any, lots: random.Random) -> Any:
    """Return JSON with one value changed, or one key added or removed."""
    if isinstance(value, dict | list) and value and lots.random() < 0.8:
        place = lots.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if lots.random() < 0.1:
            del value[place]
        else:
            value[place] = _odd(value[place], lots)
        return value
    if isinstance(value, dict) and lots.random() < 0.3:
        return {**value, "more": lots.choice(_ODD_VALUES)}
    return lots.choice(_ODD_VALUES)


def _in_json(raw: bytes, lots: random.Random) -> bytes:
    return json.dumps(_odd(json.loads(raw), lots)).encode()


def _in_lines(raw: bytes, lots: random.Random) -> bytes:
    """Change an action of a journal, or the order of its lines, with correct checksums."""
    lines = raw.splitlines()
    for _ in range(lots.choice((1, 1, 3))):
        place = lots.randrange(len(lines))
        if lots.random() < 0.1:
            other = lots.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
            continue
        # Not its first member, which is the checksum of the others.
        try:
            facts = json.loads(b"{" + lines[place].split(b",", 1)[1])
        except (ValueError, IndexError):  # it was changed before
            continue
        body = json.dumps(_odd(facts, lots)).encode()[1:]
        lines[place] = b'{"sum":"%08x",%s' % (zlib.crc32(body), body)
    return b"\n".join(lines) + b"\n"


def _in_header(raw: bytes, lots: random.Random) -> bytes:
    """Change the JSON in the header of a head."""
    (size,) = struct.unpack("<Q", raw[:8])
    facts = json.loads(raw[8 : 8 + size])
    if lots.random() < 0.7:
        own = facts["__metadata__"]
        own["activepick-head"] = json.dumps(_odd(json.loads(own["activepick-head"]), lots))
    else:
        facts = _odd(facts, lots)
    header = json.dumps(facts).encode()
    return struct.pack("<Q", len(header)) + header + raw[8 + size :]


_INSIDE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".gz": _repacked(gzip.decompress, partial(gzip.compress, compresslevel=1)),
    ".bz2": _repacked(bz2.decompress, partial(bz2.compress, compresslevel=1)),
    ".npz": _in_zip,
    ".png": _in_chunks,
    ".json": _in_json,
    ".jsonl": _in_lines,
    ".safetensors": _in_header,
}


def read(path: Path) -> None:
    """Read a file as the program would."""
    if path.suffix == ".npz":
        entry = MicrographEntry(id=1, relative="a.mrc", absolute="/a", fingerprint=path.stem)
        state = SessionState(Settings(diameter_angstrom=100), {1: entry})
        peaks = PeakStore(path.parent).get(entry)
        if peaks is None:
            raise ActivepickError("dropped, and made again")
        peaks.picks(state)
    elif path.suffix in (".star", ".cs", ".csg"):
        with contextlib.suppress(ActivepickError):
            find_micrographs([path])
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
    """Read damaged copies of one file in a separate process."""
    source = originals(folder)[name]
    raw, lots = source.read_bytes(), random.Random(f"{name} {seed}")
    victim = source if source.parent != folder else folder / f"victim{_ending(source)}"
    read(source)  # which is whole still
    # Before this, libraries reserve this much memory for their threads without using it.
    reserved = Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]
    limit = int(reserved) * 1024 + GIGABYTES * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    warnings.simplefilter("ignore")
    result = {"read": 0, "refused": 0, "seconds": 0.0, "slowest": 0.0, "wrong": []}
    for number in range(count):
        victim.write_bytes(mutated(raw, source.name, lots))
        start = time.process_time()
        outcome, wrong = _outcome(lambda: read(victim))
        took = time.process_time() - start
        result[outcome] += 1  # type: ignore[operator]
        result["seconds"] += took  # type: ignore[operator]
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
    print(f"{'':<16}{'read':>7}{'refused':>9}{'mean/ms':>9}{'slowest/s':>11}{'memory/GB':>11}")
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
            f"{kind:<16}{result['read']:>7}{result['refused']:>9}"
            f"{1e3 * result['seconds'] / int(count):>9.1f}{result['slowest']:>11.2f}"
            f"{result['memory']:>11.2f}",
            flush=True,
        )
    print("\n".join(wrong))
    limits = Limits()
    limits.at_most("files that were neither read nor refused", len(wrong), 0)
    limits.exit()


if __name__ == "__main__":
    main()
