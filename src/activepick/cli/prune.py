"""`activepick prune`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from activepick.cli import arguments as a
from activepick.cli.console import print_json, progress_bar
from activepick.cli.inputs import group_by_micrograph, named_micrographs
from activepick.cli.loading import make_engine
from activepick.errors import SettingsError, TableError
from activepick.formats import choose_format, read_picks, write_table
from activepick.formats.outside import checked_outside
from activepick.formats.scores import score_threshold, with_meaning
from activepick.wording import counted

if TYPE_CHECKING:
    from activepick.features.cache import FeatureCache
    from activepick.features.engine import FeatureEngine
    from activepick.learning.head import Head
    from activepick.micrograph import Micrograph

__all__ = ["prune"]


def prune(
    picks: Annotated[
        Path,
        typer.Argument(
            metavar="PICKS",
            help="Picks of any program: a file, or a folder.",
            show_default=False,
        ),
    ],
    micrographs: Annotated[
        Path,
        typer.Option(
            help="Folder of the micrographs, a list of them, or one file.", show_default=False
        ),
    ],
    diameter: a.Diameter,
    out: Annotated[Path, typer.Option(help="The table to write.", show_default=False)],
    head: Annotated[Path | None, typer.Option(help="A saved head.", show_default=False)] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Labelled picks, 10 to 30 of each class: CSV with micrograph, x, y, and label "
            "(1 particle, 0 not) or class (particle, contamination, empty or other names).",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Lowest probability of a pick that is kept; 0 keeps all.")
    ] = 0.5,
    pixel_size: a.PixelSize = None,
    recursive: a.Recursive = False,
    outside: a.Outside = "drop",
    invert: a.Invert = False,
    device: a.Device = "auto",
    precision: a.Precision = "auto",
    json: a.Json = False,
) -> None:
    """Score the picks of any program with a head, and remove those that are not particles.

    Positions are not changed. The head is a saved one (`activepick train`), or it is trained from a
    few labelled picks; in this case the shares of the classes are estimated from the picks.
    """
    lowest = score_threshold(threshold)
    if (head is None) == (labels is None):
        raise SettingsError("Give either --head, a saved head, or --labels to train one from.")
    found = named_micrographs([micrographs], pixel_size, invert, recursive=recursive)
    files = [each.micrograph() for each in found]
    chosen = choose_format(out, sniff=False)
    rule = checked_outside(outside)
    groups = group_by_micrograph(read_picks(picks, outside=rule), found, picks, outside)
    options = {"device": device, "precision": precision, "trust_model": False}
    if head is not None:
        engine, decider = _saved(head, diameter, options)
        known = [pd.DataFrame()] * len(files)
    else:
        assert labels is not None
        table = _with_classes(read_picks(labels, outside=rule), labels)
        known = group_by_micrograph(table, found, labels, outside)
        engine, decider = _untrained(files, groups, diameter, options)
    x, taught = _rows(engine, decider, files, groups, known)
    table = pd.concat(groups)
    if head is not None:
        table["score"] = decider.calibration.logit(decider.linear_scores(x))
    else:
        from activepick.learning.multinomial import fit_classes
        from activepick.picking.prune import adapt_to_shares, particle_scores

        names = [str(name) for rows in known if len(rows) for name in rows["class"]]
        classes = fit_classes(decider, taught, names)
        probability = adapt_to_shares(classes.probabilities(x))
        table["score"] = particle_scores(probability)
        table["class"] = np.array(classes.classes)[probability.argmax(axis=1)]
    # Scores of the other program are replaced by those of the head.
    kept = with_meaning(table, "log-odds")[table["score"] >= lowest]
    if chosen.name != "csv" and "class" in kept:
        kept = kept.drop(columns="class")
    write_table(kept, out, chosen.name)
    if json:
        print_json({"out": str(out), "picks": len(table), "kept": len(kept)})
    else:
        print(f"kept {len(kept)} of {counted(len(table), 'pick')}: {out}")


def _saved(path: Path, diameter: float, options: dict[str, Any]) -> "tuple[FeatureEngine, Head]":
    from activepick.learning.head_file import load_head

    head = load_head(path)
    spec = head.spec
    engine = make_engine(
        diameter,
        model=spec.backbone,
        normalisation=spec.normalisation,
        stride=spec.stride,
        orientations=spec.orientations,
        cache=_cache(),
        **options,
    )
    head.require(engine.spec(spec.working_radii))
    return engine, head


def _untrained(
    files: "list[Micrograph]", groups: list[pd.DataFrame], diameter: float, options: dict[str, Any]
) -> "tuple[FeatureEngine, Head]":
    from activepick.features.scale_search import spread_out
    from activepick.learning.initial_head import starting_head

    engine = make_engine(
        diameter, model="resnet16_u64", normalisation="affine", cache=_cache(), **options
    )
    picked = [file for file, group in zip(files, groups, strict=True) if len(group)]
    return engine, starting_head(engine, spread_out(picked, lambda file: file.path))


def _cache() -> "FeatureCache":
    from activepick.features.cache import FeatureCache

    return FeatureCache()


def _rows(
    engine: "FeatureEngine",
    head: "Head",
    files: "list[Micrograph]",
    groups: list[pd.DataFrame],
    known: list[pd.DataFrame],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the features of all picks and labels, in the order of the micrographs."""
    from activepick.learning.settings import LearnerSettings
    from activepick.learning.training_set import LABEL_PIXELS, label_features
    from activepick.picking.prune import pick_rows

    width = head.weights.size
    picked, taught = [np.empty((0, width))], [np.empty((0, LABEL_PIXELS, width))]
    used = [part for part in zip(files, groups, known, strict=True) if len(part[1]) + len(part[2])]
    with progress_bar(len(used)) as bar:
        for file, group, labels in used:
            bar.step(file.name)
            features = engine.features(file, head.spec.working_radii, bar.part)
            picked.append(pick_rows(features, group[["x", "y"]].to_numpy(float)))
            if len(labels):
                xy = labels[["x", "y"]].to_numpy(float)
                taught.append(label_features(features, xy, LearnerSettings().label_radius))
            bar.done()
    return np.concatenate(picked), np.concatenate(taught)


def _with_classes(labels: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return labels with a column of class names, from ``class`` or ``label``."""
    from activepick.learning.multinomial import PARTICLE

    if "class" in labels:
        classes = labels["class"].astype(str).str.strip()
        if "label" in labels:  # the class of a particle is its kind
            classes = classes.mask(labels["label"].to_numpy(float, na_value=np.nan) == 1, PARTICLE)
    elif "label" in labels:
        classes = labels["label"].map({1: PARTICLE, 0: "other"}).astype(str)
    else:
        raise TableError(
            f"{path}: there is neither a column label (1 particle, 0 not) nor a column class."
        )
    if classes.isin(["", "nan", "<NA>"]).any():
        raise TableError(f"{path}: some labels are empty; remove these rows.")
    return labels.assign(**{"class": classes})
