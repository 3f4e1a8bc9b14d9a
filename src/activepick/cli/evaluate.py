"""`activepick evaluate`."""

import math
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, say
from activepick.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from activepick.metrics import Evaluation, OtherWay

__all__ = ["evaluate"]


def evaluate(
    picks: Annotated[
        Path,
        typer.Option(
            help="Picks with scores, of any program: a file, or a folder of files.",
            show_default=False,
        ),
    ],
    truth: Annotated[
        Path,
        typer.Option(
            help="The true particles, or picks to compare with: a file, or a folder of files.",
            show_default=False,
        ),
    ],
    radius: Annotated[
        float,
        typer.Option(
            help="Distance below which a pick matches a particle, in pixels of the micrographs; "
            "usually the particle radius.",
            show_default=False,
        ),
    ],
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability for precision, recall and F1, 0.5 by default; only for scores that "
            "are log-odds or confidences.",
            show_default=False,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Lowest score for precision, recall and F1, for scores that are numbers of other "
            "programs.",
            show_default=False,
        ),
    ] = None,
    kinds: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of both files with the kind of each particle, such as class or "
            "rlnClassNumber. The picks of each kind are then also compared with the particles of "
            "this kind.",
            show_default=False,
        ),
    ] = None,
    json: a.Json = False,
) -> None:
    """Compare picks with known particles: AP, AP90, precision, recall and F1.

    AP is the area under the precision-recall curve over all picks, so use picks that were written
    with --threshold 0. AP90 is the precision where 90 % of the particles are found. Picks without
    scores have no such curve: only precision, recall and F1 of all of them are printed.
    """
    from activepick.formats import read_picks
    from activepick.metrics import evaluate as compare

    given = 0.5 if threshold is None else threshold
    tables = read_picks(picks), read_picks(truth)
    result = compare(*tables, radius, given, min_score=min_score)
    by_kind = {}
    if kinds is not None:
        # Picks on micrographs with particles of other kinds only are false.
        annotated = _annotated(tables[1])
        for name, pair in _by_kind(*tables, kinds, picks, truth).items():
            by_kind[name] = compare(*pair, radius, given, min_score=min_score, annotated=annotated)
    if result.not_picked:
        say(
            f"warning: {len(result.not_picked)} of {counted(result.n_micrographs, 'micrograph')} "
            f"without picks, such as {result.not_picked[0]}: all their particles count as missed"
        )
    _say_meaning(result, picks, threshold)
    if result.other_way is not None:
        _say_other_way(result.other_way, result, picks)
    if json:
        of_each = {name: asdict(own) for name, own in by_kind.items()}
        print_json(_plain(asdict(result) | ({"kinds": of_each} if of_each else {})))
        return
    print(
        f"micrographs {result.n_micrographs}   picks {result.n_picks}   particles {result.n_truth}"
        f"   found {result.n_hits}"
    )
    if result.ranked:
        print(f"AP {result.ap:.3f}   AP90 {result.ap90:.3f}")
    print(
        f"{_which(result)}: precision {result.precision:.3f}   recall {result.recall:.3f}   "
        f"F1 {result.f1:.3f}"
    )
    if not isnan(result.predicted_precision):
        print(f"precision predicted by the probabilities: {result.predicted_precision:.3f}")
    if result.ranked:
        probability = result.score_meaning == "log-odds"
        place = f"probability {result.best_threshold:.3f}" if probability else "score "
        place += "" if probability else f"{result.best_score:g}"
        print(f"best F1 {result.best_f1:.3f} at {place}")
    for name, own in by_kind.items():
        ranking = f"AP {own.ap:.3f}   AP90 {own.ap90:.3f}   " if own.ranked else ""
        print(
            f"{name}: picks {own.n_picks}   particles {own.n_truth}   {ranking}"
            f"precision {own.precision:.3f}   recall {own.recall:.3f}   F1 {own.f1:.3f}"
        )


def _annotated(truth: "pd.DataFrame") -> list[str]:
    """Return the names of the micrographs with true particles."""
    particles = truth
    if "label" in truth:
        particles = truth[truth["label"].to_numpy(dtype=float, na_value=1) != 0]
    return [str(name) for name in particles["micrograph"].unique()]


def _by_kind(
    picks: "pd.DataFrame", truth: "pd.DataFrame", column: str, picks_path: Path, truth_path: Path
) -> "dict[str, tuple[pd.DataFrame, pd.DataFrame]]":
    """Return the picks and the true particles of each kind, by the name of the kind."""
    from activepick.formats.kind_columns import kinds_of_rows

    found, found_names = kinds_of_rows(picks, column, picks_path)
    known, names = kinds_of_rows(truth, column, truth_path)
    numbers = {name: number for number, name in found_names.items()}
    if unknown := [name for name in numbers if name not in names.values()]:
        say(
            f"warning: kinds of particles in {picks_path} that are not in {truth_path}: "
            f"{', '.join(unknown)}"
        )
    # All particles of a kind without picks are missed.
    return {
        name: (picks[found == numbers.get(name, -1)], truth[known == number])
        for number, name in names.items()
    }


def _which(result: "Evaluation") -> str:
    """Return a description of the picks whose precision, recall and F1 are printed."""
    if result.min_score is not None:
        return f"at score {result.min_score:g}"
    return "all picks" if result.threshold is None else f"at probability {result.threshold:g}"


def _say_meaning(result: "Evaluation", picks: Path, threshold: float | None) -> None:
    """Print a note about scores that are not log-odds, or do not rank the picks."""
    if not result.ranked:
        why = "have no scores" if result.score_meaning == "none" else "all have the same score"
        say(f"note: the picks in {picks} {why}, so AP and AP90 are not defined")
    if result.score_meaning == "number" and result.min_score is None:
        asked = "" if threshold is None else f", and --threshold {threshold:g} is ignored"
        say(
            f"note: the scores in {picks} are from another program and not log-odds, so they have "
            f"no probability{asked}: precision, recall and F1 are those of all picks, or of picks "
            "with at least --min-score"
        )
    elif result.score_meaning == "none" and threshold is not None:
        say(f"note: without scores --threshold {threshold:g} is ignored")


def _say_other_way(way: "OtherWay", result: "Evaluation", picks: Path) -> None:
    """Print that picks fit far better in another orientation or scale, and the options for it."""
    how = {
        "scale": f"multiplied by {way.scale or 1:.4g}",
        "flip-y": "with the rows reversed",
        "flip-x": "with the columns reversed",
        "flip-both": "with rows and columns reversed",
        "swap-xy": "with x and y exchanged",
    }[way.change]
    options = "--flip-y --flip-x" if way.change == "flip-both" else f"--{way.change}"
    if way.change == "scale":
        options += f" {way.scale or 1:.4g}"
    elif way.change != "swap-xy":
        options += f" --size {way.width or 'WIDTH'}x{way.height or 'HEIGHT'}"
    say(
        f"warning: {counted(result.n_hits, 'pick matches', 'picks match')} a particle, but "
        f"{way.n_hits} do so {how}: correct the picks (or the true particles) with activepick "
        f"convert {picks} OUT {options}"
    )


def _plain(value: Any) -> Any:
    """Return a value that JSON can represent; NaN becomes null."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
