"""`activepick benchmark`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
import typer

from activepick.cli import arguments as a
from activepick.cli.console import Bar, print_json, progress_bar, say
from activepick.cli.inputs import find_micrographs, group_by_micrograph, make_engine
from activepick.errors import SettingsError
from activepick.formats import read_table

if TYPE_CHECKING:
    from activepick.benchmark.curves import Dataset

__all__ = ["benchmark", "print_table", "run_methods"]


def benchmark(
    micrographs: a.Micrographs,
    truth: Annotated[Path, typer.Option(help="Table of all particles.", show_default=False)],
    diameter: a.Diameter,
    pixel_size: a.PixelSize = None,
    train: Annotated[
        int, typer.Option(help="Micrographs to learn from; all others are for evaluation.")
    ] = 2,
    labels: Annotated[
        str, typer.Option(help="Numbers of labels at which to evaluate.")
    ] = "10,25,50,100",
    batch: Annotated[int, typer.Option(help="Labels between two refits.")] = 10,
    method: Annotated[
        str,
        typer.Option(
            help="Methods to compare: topaz, active, uncertain, badge, typical, typical-first, "
            "information, mean-model, mean-queries, range, mixed, one-side, eight-sides, plain, "
            "bold, scale-mixture, top, random, paper, supervised."
        ),
    ] = "topaz,active,random,supervised",
    seeds: Annotated[
        int, typer.Option(help="Repetitions with other training micrographs and randomness.")
    ] = 3,
    invert: a.Invert = False,
    model: a.Model = "resnet16_u64",
    trust_model: a.TrustModel = False,
    device: a.Device = "auto",
    precision: a.Precision = "auto",
    normalise: a.Normalise = "affine",
    out: Annotated[Path, typer.Option(help="Folder for curve.csv and curve.png.")] = Path(
        "activepick-benchmark"
    ),
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder for feature maps; by default in the user's cache.", show_default=False
        ),
    ] = None,
    json: a.Json = False,
) -> None:
    """Measure learning curves: an oracle that knows the particles answers the questions.

    A question within half a particle radius of a true centre is answered "particle", one beyond a
    radius "not a particle"; in between it is skipped and costs nothing. Average precision is
    measured on the micrographs that were not learnt from, within one particle radius.
    """
    from activepick.benchmark.curves import Dataset
    from activepick.benchmark.report import write_curves
    from activepick.features.cache import FeatureCache

    names = _methods(method)
    counts = _counts(labels)
    if batch < 1 or seeds < 1:
        raise SettingsError("--batch and --seeds have to be 1 or more.")
    files = find_micrographs(micrographs, pixel_size, invert)
    rows = group_by_micrograph(read_table(truth), files, truth)
    known = [(f, r) for f, r in zip(files, rows, strict=True) if len(r)]
    if len(known) < len(files):
        say(f"warning: {len(files) - len(known)} micrographs without particles are left out")
    known.sort(key=lambda pair: pair[0].name)
    data = Dataset(
        [f for f, _ in known],
        [r[["x", "y"]].to_numpy(float) for _, r in known],
        make_engine(
            diameter,
            model=model,
            trust_model=trust_model,
            device=device,
            precision=precision,
            normalisation=normalise,
            cache=FeatureCache(cache),
        ),
        train,
    )
    out.mkdir(parents=True, exist_ok=True)  # better told now than after an hour
    result = run_methods(data, names, counts, batch, seeds)
    table, plot = write_curves(result, out)
    if json:
        print_json({"curve": str(table), "plot": str(plot), "rows": result.to_dict("records")})
    else:
        print_table(result)
        print(f"{table}\n{plot}")


def run_methods(
    data: "Dataset", names: list[str], counts: list[int], batch: int, seeds: int
) -> pd.DataFrame:
    """Run all methods with all seeds under a progress bar, and give the rows of all curves."""
    from activepick.benchmark.curves import COLUMNS, learning_curve
    from activepick.benchmark.methods import METHODS

    rows: list[dict[str, object]] = []
    with progress_bar(len(names) * seeds) as bar:
        for name in names:
            for seed in range(seeds):
                step = partial(_say_step, bar, f"{name}, seed {seed}: ")
                rows += learning_curve(name, METHODS[name], data, seed, counts, batch, step)
                bar.done()
    return pd.DataFrame(rows, columns=COLUMNS)


def print_table(rows: pd.DataFrame) -> None:
    """Write the mean over the seeds to stdout."""
    from activepick.benchmark.report import summary

    table = summary(rows)
    print(f"{'method':<12}{'labels':>7}{'AP':>8}{'±':>7}{'AP90':>8}{'F1':>8}{'refit/ms':>10}")
    shown: set[str] = set()
    for row in table.to_dict("records"):
        untrained = np.isnan(row["refit_seconds"])
        if untrained and row["method"] in shown:
            continue  # a method that does not learn is the same at each number of labels
        shown.add(row["method"])
        refit = "" if untrained else f"{1000 * row['refit_seconds']:.0f}"
        print(
            f"{row['method']:<12}{row['labels']:>7}{row['ap']:>8.3f}{row['spread']:>7.3f}"
            f"{row['ap90']:>8.3f}{row['f1']:>8.3f}{refit:>10}"
        )


def _say_step(bar: Bar, prefix: str, text: str) -> None:
    bar.step(prefix + text)


def _methods(text: str) -> list[str]:
    from activepick.benchmark.methods import METHODS

    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        raise SettingsError(
            f"--method {text}: {', '.join(unknown) or 'none'} is not one of {', '.join(METHODS)}."
        )
    return list(dict.fromkeys(names))


def _counts(text: str) -> list[int]:
    try:
        counts = sorted({int(part) for part in text.split(",")})
    except ValueError:
        counts = []
    if not counts or counts[0] < 1:
        raise SettingsError(f"--labels {text}: give numbers above 0, such as 10,25,50,100.")
    return counts
