"""`activepick train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, progress_bar, say
from activepick.cli.inputs import group_by_micrograph, named_micrographs
from activepick.cli.loading import make_engine
from activepick.errors import SettingsError, TableError
from activepick.formats import read_picks
from activepick.formats.kind_columns import KIND_NAME_COLUMN, kinds_or_none
from activepick.formats.outside import checked_outside
from activepick.formats.values import label_weights
from activepick.picking.rules import DEFAULT_THRESHOLD
from activepick.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from activepick.learning.learner import Learner

__all__ = ["train"]

# Column of the number of the kind of particle.
_KIND = "kind of particle"


def train(
    micrographs: a.Micrographs,
    labels: Annotated[
        Path,
        typer.Option(
            help="Labelled positions: CSV with the columns micrograph, x, y, label (1 particle, 0 "
            "not) and optionally class (kind of particle), or any table of particles, or a folder "
            "of such tables.",
            show_default=False,
        ),
    ],
    diameter: a.Diameter,
    out: Annotated[
        Path, typer.Option(help="The head to write (.safetensors).", show_default=False)
    ],
    pixel_size: a.PixelSize = None,
    recursive: a.Recursive = False,
    outside: a.Outside = "drop",
    kinds: a.Kinds = None,
    base: Annotated[
        Path | None,
        typer.Option(
            help="A generic head (activepick heads combine) to start training from, instead of "
            "Topaz's pretrained classifier.",
            show_default=False,
        ),
    ] = None,
    expected: Annotated[
        float | None,
        typer.Option(help="Expected number of particles per micrograph.", show_default=False),
    ] = None,
    orientations: Annotated[
        int,
        typer.Option(
            help="Number of orientations of the image over which features are averaged: 1, 2, 4 or "
            "8. The time is proportional to it. Stored in the head."
        ),
    ] = 2,
    invert: a.Invert = False,
    model: a.Model = "resnet16_u64",
    trust_model: a.TrustModel = False,
    device: a.Device = "auto",
    precision: a.Precision = "auto",
    normalise: a.Normalise = "affine",
    json: a.Json = False,
) -> None:
    """Train a head on labelled positions and save it for `activepick pick --head`."""
    from dataclasses import replace

    from activepick.features.cache import FeatureCache
    from activepick.features.scale_search import spread_out
    from activepick.learning.fit import HeadFit
    from activepick.learning.head_file import load_head, save_head
    from activepick.learning.initial_head import starting_head
    from activepick.learning.learner import Learner, LearnerSettings
    from activepick.learning.loss import expected_pi

    files = named_micrographs(micrographs, pixel_size, invert, recursive=recursive)
    table = read_picks(labels, outside=checked_outside(outside))
    if "label" not in table and KIND_NAME_COLUMN not in table:
        say(f"warning: {labels} has no column label: all positions are used as particles")
    elif "label" in table and table["label"].isna().any():
        raise TableError(
            f"{labels}: some labels are empty; use 1 for a particle, 0 for anything else."
        )
    if expected is not None and not expected > 0:
        raise SettingsError(f"--expected {expected:g}: give a number above 0.")
    table, names = _with_kinds(table, kinds, labels)
    rows = group_by_micrograph(table, files, labels, outside)
    labelled = [(f.micrograph(), r) for f, r in zip(files, rows, strict=True) if len(r)]
    engine = make_engine(
        diameter,
        model=model,
        trust_model=trust_model,
        device=device,
        precision=precision,
        normalisation=normalise,
        cache=FeatureCache(),
        orientations=orientations,
    )
    with progress_bar(len(labelled)) as bar:
        bar.step("choosing the scale")
        generic = None if base is None else load_head(base)
        first = starting_head(
            engine, spread_out([f for f, _ in labelled], lambda f: f.path), generic
        )
        features = []
        for file, _ in labelled:
            bar.step(file.name)
            features.append(engine.features(file, first.spec.working_radii, bar.part))
            bar.done()
    fit = HeadFit()
    if expected is not None:
        fit = replace(fit, pi=expected_pi(expected, features[0].radius_px, features[0].shape))
    learner = Learner(features, first, LearnerSettings(fit=fit), kind_names=names)
    for index, (_, own) in enumerate(labelled):
        targets = own["label"] if "label" in own else np.ones(len(own))
        own_kinds = own[_KIND].to_numpy() if names else 1
        learner.add(
            index,
            own[["x", "y"]].to_numpy(),
            np.asarray(targets, float),
            label_weights(own),
            own_kinds,
        )
    head = replace(
        learner.refit(),
        diameter_angstrom=diameter,
        inverted=invert,
        training_data=learner.training_data(),
        notes={},  # those of the generic head do not apply to this one
    )
    save_head(head, out)
    if not (head.particles and head.others):
        given = "particles" if head.particles else "positions without a particle"
        say(f"warning: {labels}: there are only {given}; labels of both give a better head.")
    precision_at, particles = _prediction(learner)
    if json:
        print_json(
            {
                "head": str(out),
                "expected_precision": None if np.isnan(precision_at) else precision_at,
                "expected_particles": particles,
                "particles": head.particles,
                "others": head.others,
                "kinds": {} if head.kinds is None else head.kinds.name_of,
                "micrographs": len(labelled),
                "working_radii_px": list(head.spec.working_radii),
            }
        )
    else:
        print(
            f"trained on {counted(head.particles, 'particle')} and "
            f"{counted(head.others, 'other position')}: {out}"
        )
        if head.kinds is not None:
            print(f"kinds of particles: {', '.join(head.kinds.names)}")
        if not np.isnan(precision_at):
            print(
                f"estimate for these micrographs: about {particles:.0f} particles in each, and "
                "about "
                f"{precision_at:.0%} of the picks with a probability of at least 0.5 are particles"
            )


def _with_kinds(
    table: "pd.DataFrame", column: str | None, source: Path
) -> "tuple[pd.DataFrame, dict[int, str]]":
    """Return a table with the numbers of kinds, and their names; no names if there is one kind."""
    found = kinds_or_none(table, column, source)
    if found is None:
        return table, {}
    numbers, names = found
    if "label" not in table:
        table = table.assign(label=(numbers > 0).astype(float))
    return (table.assign(**{_KIND: numbers}), names) if len(names) > 1 else (table, {})


def _prediction(learner: "Learner") -> tuple[float, float]:
    """Predict the precision at a probability of 0.5, and the number of particles."""
    from scipy.special import expit

    from activepick.learning.calibration import expected_particles, expected_precision
    from activepick.scoremap import separated_peaks

    scores = [separated_peaks(learner.score_map(i)).score for i in range(len(learner.micrographs))]
    probability = expit(np.concatenate(scores))
    return (
        expected_precision(probability, DEFAULT_THRESHOLD),  # the default of activepick pick
        expected_particles(probability) / len(learner.micrographs),
    )
