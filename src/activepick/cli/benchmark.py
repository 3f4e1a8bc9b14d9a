"""`activepick benchmark`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
import typer

from activepick.benchmark.methods import METHODS
from activepick.cli import arguments as a
from activepick.cli.console import Bar, print_json, progress_bar, say
from activepick.cli.inputs import group_by_micrograph, named_micrographs
from activepick.cli.loading import make_engine
from activepick.errors import SettingsError
from activepick.formats import read_picks
from activepick.formats.kind_columns import KIND_COLUMN, kinds_or_none
from activepick.formats.outside import checked_outside
from activepick.wording import counted

if TYPE_CHECKING:
    from activepick.benchmark.curves import Dataset

__all__ = ["benchmark", "print_table", "run_methods"]


def benchmark(
    micrographs: a.Micrographs,
    truth: Annotated[Path, typer.Option(help="Table of all particles.", show_default=False)],
    diameter: a.Diameter,
    pixel_size: a.PixelSize = None,
    recursive: a.Recursive = False,
    kinds: a.Kinds = None,
    outside: a.Outside = "drop",
    train: Annotated[
        int,
        typer.Option(help="Number of training micrographs; all others are used for evaluation."),
    ] = 2,
    labels: Annotated[
        str,
        typer.Option(
            help="Numbers of labels at which to evaluate; for the method patch, numbers of clicks."
        ),
    ] = "10,25,50,100",
    batch: Annotated[int, typer.Option(help="Labels between two refits.")] = 10,
    method: Annotated[
        str,
        typer.Option(help=f"Methods to compare: {', '.join(METHODS)}."),
    ] = "topaz,active,random,supervised",
    seeds: Annotated[
        int,
        typer.Option(help="Number of repetitions with different training micrographs and seeds."),
    ] = 3,
    edge_margin: Annotated[
        float,
        typer.Option(
            help="Leave out questions, picks and true particles this close to the border, "
            "in particle radii, since some tables have no particles there."
        ),
    ] = 0.0,
    wrong_answers: Annotated[
        float,
        typer.Option(
            help="Probability that an answer of the oracle is wrong.",
            min=0.0,
            max=1.0,
        ),
    ] = 0.0,
    stop: Annotated[
        bool,
        typer.Option(
            "--stop",
            help="End a run when the stopping rule predicts that more labels help little.",
        ),
    ] = False,
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
    """Measure learning curves: an oracle that knows the particles answers the queries.

    A query within half a particle radius of a true centre is answered "particle", one beyond a
    radius "not a particle"; in between it is skipped, which does not count as a label. Average
    precision (AP) is measured on the micrographs that were not used for training, with a matching
    radius of one particle radius. AP90 is the precision where the recall first reaches 0.9, or 0 if
    it never does. The rows of curve.csv are written after each run, so that an interrupted
    benchmark keeps them.

    The method patch is compared by clicks: each correction in a patch counts as one click, and so
    does its confirmation. For the other methods, each answer counts as one. The head at a given
    number of clicks is the one after the last patch that was confirmed with at most so many clicks.

    If the true particles are of several kinds, the oracle answers with the kind. AP is then the
    mean over the kinds, and curve.csv also has AP and F1 of each kind, which are computed from the
    probability of this kind.
    """
    from activepick.benchmark.curves import Dataset
    from activepick.benchmark.report import write_curves
    from activepick.features.cache import FeatureCache

    names = _methods(method)
    counts = _counts(labels)
    if batch < 1 or seeds < 1:
        raise SettingsError("--batch and --seeds must be 1 or more.")
    files = named_micrographs(micrographs, pixel_size, invert, recursive=recursive)
    known_particles = read_picks(truth, outside=checked_outside(outside))
    names_of_kinds: dict[int, str] = {}
    found_kinds = kinds_or_none(known_particles, kinds, truth)
    if found_kinds is not None:
        numbers, names_of_kinds = found_kinds
        known_particles = known_particles.assign(**{KIND_COLUMN: numbers})[numbers > 0]
    rows = group_by_micrograph(known_particles, files, truth, outside)
    known = [(f, r) for f, r in zip(files, rows, strict=True) if len(r)]
    if len(known) < len(files):
        say(f"warning: {counted(len(files) - len(known), 'micrograph')} without particles left out")
    known.sort(key=lambda pair: pair[0].path.name)
    data = Dataset(
        [f.micrograph() for f, _ in known],
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
        edge_margin=edge_margin,
        kinds=[r[KIND_COLUMN].to_numpy(int) for _, r in known] if len(names_of_kinds) > 1 else None,
        kind_names=names_of_kinds if len(names_of_kinds) > 1 else {},
    )
    out.mkdir(parents=True, exist_ok=True)  # fails now rather than after an hour
    result = run_methods(data, names, counts, batch, seeds, out, wrong_answers, stop)
    table, plot = write_curves(result, out)
    if json:
        print_json({"curve": str(table), "plot": str(plot), "rows": result.to_dict("records")})
    else:
        print_table(result)
        print(f"{table}\n{plot}")


def run_methods(
    data: "Dataset",
    names: list[str],
    counts: list[int],
    batch: int,
    seeds: int,
    out: Path,
    wrong_answers: float = 0.0,
    stop: bool = False,
) -> pd.DataFrame:
    """Run methods with several seeds under a progress bar.

    Parameters
    ----------
    data
        The micrographs.
    names
        Names of the methods.
    counts
        As in `activepick.benchmark.curves.learning_curve`.
    batch
        Number of answers between two refits.
    seeds
        Number of runs of each method.
    out
        Folder in which curve.csv is written after each run.
    wrong_answers
        Probability with which the oracle answers wrongly.
    stop
        As in `activepick.benchmark.curves.learning_curve`.

    Returns
    -------
    DataFrame
        The rows of all curves.
    """
    from activepick.benchmark.curves import learning_curve
    from activepick.benchmark.report import write_rows

    rows: list[dict[str, object]] = []
    with progress_bar(len(names) * seeds) as bar:
        for name in names:
            for seed in range(seeds):
                step = partial(_say_step, bar, f"{name}, seed {seed}: ")
                method = METHODS[name]
                rows += learning_curve(
                    name, method, data, seed, counts, batch, step, wrong_answers, stop
                )
                write_rows(pd.DataFrame(rows, columns=data.columns), out)
                bar.done()
    return pd.DataFrame(rows, columns=data.columns)


def print_table(rows: pd.DataFrame) -> None:
    """Print the mean over the seeds."""
    from activepick.benchmark.report import summary

    table = summary(rows)
    print(
        f"{'method':<13}{'clicks':>7}{'labels':>7}{'skips':>7}{'AP':>8}{'±':>7}{'AP90':>8}{'F1':>8}"
        f"{'refit/ms':>10}{'settled':>9}"
    )
    shown: set[str] = set()
    for row in table.to_dict("records"):
        untrained = np.isnan(row["refit_seconds"])
        if untrained and row["method"] in shown:
            continue  # without learning, all rows are the same
        shown.add(row["method"])
        refit = "" if untrained else f"{1000 * row['refit_seconds']:.0f}"
        print(
            f"{row['method']:<13}{row['clicks']:>7}{row['labels']:>7.0f}{row['skips']:>7.0f}{row['ap']:>8.3f}"
            f"{row['spread']:>7.3f}{row['ap90']:>8.3f}{row['f1']:>8.3f}{refit:>10}"
            f"{row['settled']:>9.0%}"
        )
    print("AP90: precision where the recall first reaches 0.9, or 0 if it never does")
    print("settled: share of the runs in which more labels help little by the stopping rule")


def _say_step(bar: Bar, prefix: str, text: str) -> None:
    bar.step(prefix + text)


def _methods(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        raise SettingsError(
            f"--method {text}: no method {', '.join(unknown) or 'was given'}; choose from "
            f"{', '.join(METHODS)}."
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
