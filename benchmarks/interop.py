"""Exchange files with other programs, in both directions.

    python benchmarks/interop.py [--python OTHER/bin/python ...] [--path FOLDER ...] [--relion BIN]

Writes the same picks on two non-square micrographs in all formats, lets readers of other packages
read them, and lets writers of other packages write picks that are read back. A package is used from
this Python or from another one given with --python (cryosparc-tools, emtable, aspire and
napari-boxmanager need incompatible versions of numpy); --path is for packages that are only
unpacked, such as crYOLO's source archive, whose requirements are outdated. --relion is the folder
of RELION's programs (Debian and Ubuntu have a package ``relion``): relion_preprocess then extracts
particles from micrographs on which every pick is marked by a bright pixel. Programs that are not
installed are listed and skipped; a position that differs by more than the rounding of the format is
a failure.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd

from activepick.formats import read_folder, read_table, write_folder, write_table

MICROGRAPHS = ("MotionCorr/job002/Movies/a.mrc", "MotionCorr/job002/Movies/b.mrc")
SHAPE = (300, 420)
BOX = 32


@dataclass(frozen=True)
class Check:
    """Code of another program that prints the positions [[x, y], ...] of `file`, or writes it."""

    package: str
    what: str
    file: str
    code: str
    writes: bool = False


READS = (
    Check("starfile", "STAR 3.1", "picks.star", """
import starfile
t = starfile.read(FILE)["particles"]
out = t[["rlnCoordinateX", "rlnCoordinateY"]].values.tolist()"""),
    Check("emtable", "STAR 3.1", "picks.star", """
from emtable import Table
rows = Table(fileName=FILE, tableName="particles")
out = [[r.rlnCoordinateX, r.rlnCoordinateY] for r in rows]"""),
    Check("emtable", "autopick.star", "job/autopick.star", """
import os
from emtable import Table
out = []
for entry in Table(fileName=FILE, tableName="coordinate_files"):
    for r in Table(fileName=entry.rlnMicrographCoordinates, tableName=""):
        out.append([r.rlnCoordinateX, r.rlnCoordinateY])"""),
    Check("emtable", "Xmipp .pos", "pos/a.pos", """
from emtable import Table
out = [[r.xcoor, r.ycoor] for r in Table(fileName=FILE, tableName="particles")]"""),
    Check("cryosparc", "STAR 3.1", "picks.star", """
from cryosparc import star
t = star.read(FILE)["particles"]
out = [[float(x), float(y)] for x, y in zip(t["rlnCoordinateX"], t["rlnCoordinateY"])]"""),
    Check("cryosparc", "picks .cs", "picks.cs", """
from cryosparc.dataset import Dataset
d = Dataset.load(FILE)
ny, nx = d["location/micrograph_shape"].T
assert set(d["location/micrograph_uid"]) == {101, 102}, d["location/micrograph_uid"]
assert len(set(d["uid"])) == len(d) and "pick_stats/ncc_score" in d
out = [[float(x), float(y)] for x, y in zip(d["location/center_x_frac"] * nx,
                                            d["location/center_y_frac"] * ny)]"""),
    Check("topaz", ".txt", "picks.txt", """
from topaz.utils.files import read_coordinates
out = read_coordinates(FILE)[["x_coord", "y_coord"]].values.tolist()"""),
    Check("topaz", "STAR 3.0 (whole pixels)", "old.star", """
from topaz.utils.files import read_coordinates
out = read_coordinates(FILE)[["x_coord", "y_coord"]].values.tolist()"""),
    Check("topaz", ".box", "boxes/a.box", """
from topaz.utils.files import read_coordinates
out = read_coordinates(FILE)[["x_coord", "y_coord"]].values.tolist()"""),
    Check("aspire", ".box", "boxes/a.box", """
from aspire.source.coordinates import BoxesCoordinateSource as S
boxes = S._coords_list_from_file(S, FILE)
out = [S._center_from_box_coord(b) for b in boxes]"""),
    Check("aspire", "autopick STAR (whole pixels)", "job/Movies/a_autopick.star", """
from aspire.source.coordinates import CentersCoordinateSource as S
s = S.__new__(S)
s.particle_size = 32
out = [S._center_from_box_coord(b) for b in s._coords_list_from_star(FILE)]"""),
    Check("box_manager", ".cbox", "cbox/a.cbox", """
from box_manager.io import cbox
t = cbox._prepare_napari(cbox.read(FILE))
assert {"confidence", "size"} <= set(t.columns), t.columns
out = t[["z", "y"]].values.tolist()"""),
    Check("box_manager", ".box", "boxes/a.box", """
from box_manager.io import box
out = box._prepare_napari_box(box.read(FILE))[["z", "y"]].values.tolist()"""),
    Check("box_manager", "autopick STAR", "job/Movies/a_autopick.star", """
from box_manager.io import star
out = star._prepare_napari_coords(star.read(FILE))[["z", "y"]].values.tolist()"""),
    Check("cryolo", ".box", "boxes/a.box", """
from cryolo import CoordsIO
out = [[b.x + b.w / 2, b.y + b.h / 2] for b in CoordsIO.read_eman1_boxfile(FILE)]"""),
    Check("cryolo", "autopick STAR", "job/Movies/a_autopick.star", """
from cryolo import CoordsIO
out = [[b.x + b.w / 2, b.y + b.h / 2] for b in CoordsIO.read_star_file(FILE, 32)]"""),
)  # fmt: skip
WRITES = (
    Check("starfile", "STAR 3.1", "theirs/s.star", """
import pandas as pd, starfile
t = pd.DataFrame(XY, columns=["rlnCoordinateX", "rlnCoordinateY"])
starfile.write({"optics": pd.DataFrame({"rlnOpticsGroup": [1]}),
                "particles": t.assign(rlnMicrographName=NAME)}, FILE)""", True),
    Check("emtable", "STAR", "theirs/e_autopick.star", """
from emtable import Table
t = Table(columns=["rlnCoordinateX", "rlnCoordinateY"])
for x, y in XY: t.addRow(x, y)
t.write(FILE, tableName="")""", True),
    Check("cryosparc", "picks .cs", "theirs/c.cs", """
import numpy as np
from cryosparc.dataset import Dataset
d = Dataset(len(XY))
d.add_fields([("location/micrograph_path", "O"), ("location/micrograph_shape", "<u4", (2,)),
              ("location/center_x_frac", "<f4"), ("location/center_y_frac", "<f4")])
d["location/micrograph_path"] = NAME
d["location/micrograph_shape"] = np.array(SHAPE)
d["location/center_x_frac"] = np.array(XY)[:, 0] / SHAPE[1]
d["location/center_y_frac"] = np.array(XY)[:, 1] / SHAPE[0]
d.save(FILE)""", True),
    Check("topaz", "EMAN .box", "theirs/a.box", """
import os, pandas as pd
from topaz.utils.files import write_coordinates
t = pd.DataFrame(XY, columns=["x_coord", "y_coord"]).assign(image_name="a")
write_coordinates(os.path.dirname(FILE), t, format="box", boxsize=33)""", True),
    Check("topaz", "EMAN _info.json", "theirs/a_info.json", """
import os, pandas as pd
from topaz.utils.files import write_coordinates
t = pd.DataFrame(XY, columns=["x_coord", "y_coord"]).assign(image_name="a")
write_coordinates(os.path.dirname(FILE), t, format="json")""", True),
    Check("topaz", "STAR", "theirs/t.star", """
import pandas as pd
from topaz.utils.files import write_coordinates
t = pd.DataFrame(XY, columns=["x_coord", "y_coord"]).assign(image_name="a", score=1.5)
with open(FILE, "w") as f: write_coordinates(f, t, format="star")""", True),
    Check("topaz", ".txt", "theirs/t.txt", """
import pandas as pd
from topaz.utils.files import write_coordinates
t = pd.DataFrame(XY, columns=["x_coord", "y_coord"]).assign(image_name="a", score=1.5)
write_coordinates(FILE, t, format="coord")""", True),
    Check("box_manager", ".cbox", "theirs/b.cbox", """
import numpy as np, pandas as pd
from box_manager.io import cbox
yx = np.array(XY)[:, ::-1]
features = pd.DataFrame({"confidence": [0.5] * len(XY)})
cbox.write_cbox(FILE, cbox._make_df_data(yx, [33] * len(XY), features))""", True),
    Check("cryolo", "old .cbox", "theirs/o.cbox", """
from cryolo import CoordsIO
from cryolo.utils import BoundBox
boxes = [BoundBox(x=x - 16.5, y=y - 16.5, w=33, h=33, c=0.5) for x, y in XY]
for b in boxes: b.meta["boxsize_estimated"] = (30, 30)
CoordsIO.write_cbox_file(FILE, boxes)""", True),
    Check("cryolo", "STAR", "theirs/y.star", """
from cryolo import CoordsIO
from cryolo.utils import BoundBox
CoordsIO.write_star_file(FILE, [BoundBox(x=x - 16.5, y=y - 16.5, w=33, h=33) for x, y in XY])
""", True),
)  # fmt: skip
HEAD = """
import json, sys, warnings
warnings.simplefilter("ignore")
FILE, NAME, SHAPE, XY = json.loads(sys.argv[1])
"""


def picks() -> pd.DataFrame:
    """Return picks at whole pixels, at least half a box from the border."""
    rng = np.random.default_rng(0)
    n = 12
    margin = BOX // 2
    return pd.DataFrame(
        {
            "micrograph": np.repeat(MICROGRAPHS, n),
            "x": rng.choice(SHAPE[1] - 2 * margin, 2 * n, replace=False) + margin,
            "y": rng.choice(SHAPE[0] - 2 * margin, 2 * n, replace=False) + margin,
            "score": rng.normal(size=2 * n).round(3),
        }
    ).astype({"x": float, "y": float})


def write_ours(table: pd.DataFrame, folder: Path) -> None:
    exposures = np.zeros(
        2,
        [
            ("uid", "<u8"),
            ("micrograph_blob/path", "S80"),
            ("micrograph_blob/shape", "<u4", (2,)),
            ("micrograph_blob/psize_A", "<f4"),
        ],
    )
    exposures["uid"] = (101, 102)
    exposures["micrograph_blob/path"] = [
        f"J1/motioncorrected/00000000000000000010{k}_{name}_patch_aligned_doseweighted.mrc"
        for k, name in enumerate("ab", 1)
    ]
    exposures["micrograph_blob/shape"] = SHAPE
    np.save(folder / "exposures.npy", exposures)
    (folder / "exposures.npy").rename(folder / "exposures.cs")
    write_table(table, folder / "picks.star", pixel_size_angstrom=1.5)
    write_table(table, folder / "old.star", version="3.0")
    write_table(table, folder / "picks.txt")
    write_table(table, folder / "picks.cs", exposures=folder / "exposures.cs")
    write_folder(table, folder / "job", "star")
    write_folder(table, folder / "boxes", "box", box_size=BOX)
    write_folder(table, folder / "cbox", "cbox", box_size=BOX)
    write_folder(table, folder / "pos", "xmipp")


def run(check: Check, folder: Path, xy: list[list[float]], pythons: list[str]) -> list[list[float]]:
    """Run a check in the first Python that has the package; raise ImportError if none has it."""
    finish = "" if check.writes else "\nprint('RESULT', json.dumps(out))"
    arguments = json.dumps([str(folder / check.file), MICROGRAPHS[0], SHAPE, xy])
    for python in pythons:
        probe = f"import importlib.util as u, sys; sys.exit(u.find_spec({check.package!r}) is None)"
        if subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode:
            continue
        done = subprocess.run(
            [python, "-c", HEAD + check.code + finish, arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,  # some write log files into the working folder
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        result: list[list[float]] = json.loads(lines[-1][7:]) if lines else []
        return result
    raise ImportError(check.package)


def off(found: list[list[float]], expected: list[list[float]]) -> float:
    if len(found) != len(expected):
        return float("inf")
    return float(np.abs(np.array(found) - np.array(expected)).max())


# Files that RELION's Extract reads: the folder, and the end of the file names in it.
EXTRACTS = (("job/", "_autopick.star"), ("relion_boxes/", ".box"), ("relion_coords/", ".coords"))


def prepare_relion(table: pd.DataFrame, folder: Path) -> None:
    """Make micrographs on which each pick is one bright pixel, and their list."""
    write_folder(table.drop(columns="score"), folder / "relion_boxes/Movies", "box", box_size=BOX)
    write_folder(table.drop(columns="score"), folder / "relion_coords/Movies", "coords")
    for number, name in enumerate(MICROGRAPHS):
        rows = table[table["micrograph"] == name]
        image = np.zeros(SHAPE, np.float32)
        image[rows["y"].astype(int), rows["x"].astype(int)] = 100 * (number + 1) + np.arange(
            len(rows)
        )
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(path, overwrite=True) as file:
            file.set_data(image)
            file.voxel_size = 1.5
    optics = {"rlnOpticsGroup": 1, "rlnOpticsGroupName": "opticsGroup1", "rlnVoltage": 300.0}
    optics |= {"rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}
    optics |= {"rlnMicrographPixelSize": 1.5, "rlnMicrographOriginalPixelSize": 1.5}
    import starfile

    names = pd.DataFrame({"rlnMicrographName": MICROGRAPHS, "rlnOpticsGroup": 1})
    starfile.write({"optics": pd.DataFrame([optics]), "micrographs": names}, folder / "mics.star")


def extract(programs: Path, source: tuple[str, str], table: pd.DataFrame, folder: Path) -> float:
    """Extract with RELION; return the share of boxes without a mark in the centre."""
    out = source[0].strip("/") + "_extracted"
    command = [str(programs / "relion_preprocess"), "--i", "mics.star", "--extract"]
    command += ["--coord_dir", source[0], "--coord_suffix", source[1], "--part_dir", f"{out}/"]
    command += ["--part_star", f"{out}/particles.star", "--extract_size", str(BOX)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip()[-300:])
    wrong = total = 0
    for number, name in enumerate(MICROGRAPHS):
        rows = table[table["micrograph"] == name]
        stack = mrcfile.read(folder / f"{out}/Movies/{Path(name).stem}.mrcs")
        marks = 100 * (number + 1) + np.arange(len(rows))
        wrong += int((stack[:, BOX // 2, BOX // 2] != marks).sum())
        total += len(rows)
    back = read_table(folder / out / "particles.star")
    assert np.array_equal(back[["x", "y"]], table[["x", "y"]])
    assert back["micrograph"].tolist() == table["micrograph"].tolist()
    return wrong / total


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", action="append", default=[], metavar="PYTHON")
    parser.add_argument("--path", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--relion", type=Path, metavar="BIN")
    options = parser.parse_args()
    if options.path:
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [*options.path, *filter(None, [os.environ.get("PYTHONPATH")])]
        )
    pythons = [sys.executable, *options.python]
    table, failed = picks(), False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "theirs").mkdir()
        write_ours(table, folder)
        assert read_folder(folder / "job")["micrograph"].tolist() == table["micrograph"].tolist()
        every = table[["x", "y"]].to_numpy().tolist()
        first = every[: len(every) // 2]
        for check in (*READS, *WRITES):
            title = f"{check.package} {'writes' if check.writes else 'reads'} {check.what}"
            expected = first if check.writes or "a_" in check.file or "/a." in check.file else every
            try:
                found = run(check, folder, first, pythons)
                if check.writes:
                    found = read_table(folder / check.file)[["x", "y"]].to_numpy().tolist()
                error = off(found, expected)
                failed |= error > 1e-3
                print(f"{title:<48} {len(found):>4} picks, off by at most {error:.1g} px")
            except ImportError:
                print(f"{title:<48} not installed")
            except RuntimeError as error:
                failed = True
                print(f"{title:<48} FAILED: {error}")
        prepare_relion(table, folder)
        for source in EXTRACTS:
            title = f"RELION extracts by our *{source[1]}"
            if options.relion is None:
                print(f"{title:<48} not installed")
                continue
            wrong = extract(options.relion, source, table, folder)
            failed |= wrong > 0
            print(
                f"{title:<48} {len(table):>4} boxes, {wrong:.0%} without their pick in the middle"
            )
    sys.exit(failed)


if __name__ == "__main__":
    main()
