"""`activepick evaluate`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, say

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
            help="The true particles, or picks to compare with, in the same ways.",
            show_default=False,
        ),
    ],
    radius: Annotated[
        float,
        typer.Option(
            help="A pick within this distance of a particle is right, in pixels of the micrographs;"
            " usually the particle radius.",
            show_default=False,
        ),
    ],
    threshold: Annotated[
        float, typer.Option(help="Probability for precision, recall and F1.")
    ] = 0.5,
    json: a.Json = False,
) -> None:
    """Compare picks with known particles: AP, AP90, precision, recall and F1.

    AP is the area under the curve of precision and recall over all picks, so give picks written
    with --threshold 0. AP90 is the precision where 90 % of the particles are found.
    """
    from activepick.formats import read_picks
    from activepick.metrics import evaluate as compare

    result = compare(read_picks(picks), read_picks(truth), radius, threshold)
    if result.not_picked:
        say(
            f"warning: {len(result.not_picked)} of {result.n_micrographs} micrographs have no "
            f"picks, and all their particles count as missed, such as {result.not_picked[0]}"
        )
    if json:
        print_json(asdict(result))
        return
    print(
        f"micrographs {result.n_micrographs}   picks {result.n_picks}   particles {result.n_truth}"
        f"   found {result.n_hits}\n"
        f"AP {result.ap:.3f}   AP90 {result.ap90:.3f}\n"
        f"at probability {threshold:g}: precision {result.precision:.3f}   "
        f"recall {result.recall:.3f}   F1 {result.f1:.3f}\n"
        f"best F1 {result.best_f1:.3f} at probability {result.best_threshold:.3f}"
    )
