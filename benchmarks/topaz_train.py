"""Topaz's own training as a baseline: `topaz train` and `topaz extract` on the same micrographs.

    python benchmarks/topaz_train.py --out DIR [--labels 100 1000] [--seeds 1] [--epochs 10]
        [--updates 1000] [--minibatch 256] [--simulated SIM] [--sets NAME,NAME] [--cuda]

The particles that are labelled are drawn from those of the two training micrographs (all of them if
there are fewer), at the working radius that suits the pretrained detector. Training has the
settings that Topaz recommends, which are its defaults: resnet8 with 32 units from the pretrained
weights, GE-binomial for positive and unlabelled data (Bepler et al., Nature Methods 16, 1153,
2019), rotations and mirror images, positive regions of 3 pixels. The expected number of particles
is the mean over the training micrographs, as Topaz's author advises
(https://github.com/tbepler/topaz/discussions/158). If all particles are labelled, Topaz switches to
its loss for positive and negative data. Ten epochs of 1000 updates, its default, need a GPU
(--cuda); on two cores, use fewer (--epochs 4 --updates 25 --minibatch 128).

Each run is written to `DIR/rows.csv` when it ends, and is not repeated. Topaz's training needs
torchvision. If this environment has none, Topaz is installed in a new environment,
`DIR/environment`.
"""

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
from kept_rows import KeptRows
from known_sets import Dataset, load_datasets, parser_of

from activepick.metrics import evaluate
from activepick.micrograph.working_image import WorkingImage

NEEDED = "import topaz.commands.train"
PACKAGES = ("topaz-em==0.3.20", "torchvision")
RESULTS = ["labels", "epochs", "updates", "minibatch", "ap", "ap90"]
COLUMNS = ["set", "seed", "asked", *RESULTS]


def main() -> None:
    parser = parser_of(__doc__)
    parser.set_defaults(seeds=1)
    parser.add_argument("--out", type=Path, help="folder for the rows; required")
    parser.add_argument("--sets", help="names of the sets, with commas; by default all")
    parser.add_argument("--labels", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--updates", type=int, default=1000, help="updates in an epoch")
    parser.add_argument("--minibatch", type=int, default=256, help="places in an update")
    parser.add_argument("--cuda", action="store_true", help="train on the first GPU")
    options = parser.parse_args()
    if options.out is None:
        parser.print_usage()
        return
    kept = KeptRows(options.out, COLUMNS, ("set", "seed", "asked"))
    python = interpreter(options.out / "environment")
    sets = load_datasets(options.data, options.cache, options.simulated)
    for name in options.sets.split(",") if options.sets else sets:
        for seed in range(options.seeds):
            for count in options.labels:
                if kept.has(name, seed, count):
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    row = run(python, sets[name], seed, count, Path(folder), options)
                facts = {"set": name, "seed": seed, "asked": count, **row}
                kept.add(pd.DataFrame([facts]))
                print(facts, flush=True)
    if kept.path.exists():
        rows, columns = kept.read(), ["labels", "ap", "ap90"]
        print(rows.groupby(["set", "asked"], sort=False)[columns].mean().round(3).to_string())


def interpreter(folder: Path) -> str:
    """Return a Python in which Topaz can train, in a new environment if necessary."""
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    for candidate in (sys.executable, str(python)):
        probe = [candidate, "-c", NEEDED]
        # A torchvision that was built for another PyTorch cannot be imported.
        if Path(candidate).exists() and not subprocess.run(probe, capture_output=True).returncode:
            return candidate
    print(f"installing {' and '.join(PACKAGES)} in {folder}", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    subprocess.run([python, "-c", NEEDED], check=True)
    return str(python)


def run(
    python: str,
    data: Dataset,
    seed: int,
    count: int,
    folder: Path,
    options: argparse.Namespace,
) -> dict[str, float]:
    """Train on some particles of the training micrographs, and evaluate on the others."""
    train, test = data.split(seed)
    radius = data.engine.best_radius([data.micrographs[i] for i in train])
    images: dict[int, WorkingImage] = {}
    for index, micrograph in enumerate(data.micrographs):
        [images[index]] = micrograph.working_images(data.engine.diameter_angstrom, [radius])
        part = folder / ("train" if index in train else "test")
        part.mkdir(exist_ok=True)
        with mrcfile.new(part / f"m{index}.mrc") as file:
            file.set_data(images[index].pixels)
    particles = [(i, *images[i].to_working(xy[None])[0]) for i in train for xy in data.truth[i]]
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(particles))[:count]
    labels = [particles[i] for i in sorted(chosen)]
    table = pd.DataFrame(labels, columns=["image_name", "x_coord", "y_coord"])
    table["image_name"] = [f"m{index}" for index in table["image_name"]]
    table[["x_coord", "y_coord"]] = table[["x_coord", "y_coord"]].round().astype(int)
    table.to_csv(folder / "labels.txt", sep="\t", index=False)
    device = "0" if options.cuda else "-1"
    topaz = [python, "-W", "ignore", "-m", "topaz.main"]
    digits = int(np.ceil(np.log10(options.epochs)))
    command = [
        *topaz, "train", "--device", device,
        "--train-images", folder / "train", "--train-targets", folder / "labels.txt",
        "--num-particles", len(particles) / len(train),
        "--num-epochs", options.epochs, "--epoch-size", options.updates,
        "--minibatch-size", options.minibatch,
        "--save-prefix", folder / "model", "--output", folder / "curve.txt",
    ]  # fmt: skip
    call(command)
    model = folder / f"model_epoch{options.epochs:0{digits}d}.sav"
    call([
        *topaz, "extract", "--device", device, "--model", model, "--radius", round(radius),
        "--output", folder / "picks.txt", *sorted((folder / "test").glob("*.mrc")),
    ])  # fmt: skip
    picks = pd.read_csv(folder / "picks.txt", sep="\t")
    parts = []
    for name, group in picks.groupby("image_name"):
        index = int(str(name)[1:])
        xy = images[index].to_original(group[["x_coord", "y_coord"]].to_numpy(float))
        facts = {"micrograph": str(name), "x": xy[:, 0], "y": xy[:, 1], "score": group["score"]}
        parts.append(pd.DataFrame(facts))
    truth = pd.concat(
        [pd.DataFrame(data.truth[i], columns=["x", "y"]).assign(micrograph=f"m{i}") for i in test]
    )
    radius_px = data.micrographs[0].radius_px(data.engine.diameter_angstrom)
    result = evaluate(pd.concat(parts), truth, radius_px)
    training = options.epochs, options.updates, options.minibatch
    return dict(zip(RESULTS, (len(labels), *training, result.ap, result.ap90), strict=True))


def call(command: list[object]) -> None:
    """Run a command; its output is shown if it fails."""
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{said.stdout}{said.stderr}")


if __name__ == "__main__":
    main()
