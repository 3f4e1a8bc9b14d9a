"""From what was typed to micrographs and a feature engine."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import pandas as pd

from activepick.cli.console import say
from activepick.errors import SettingsError, TableError
from activepick.formats import match_names
from activepick.micrograph import Micrograph, Normalisation, has_micrograph_extension

if TYPE_CHECKING:
    from activepick.features.cache import FeatureCache
    from activepick.features.engine import FeatureEngine

__all__ = [
    "LOOK_AT",
    "find_micrographs",
    "group_by_micrograph",
    "inverted_warning",
    "make_engine",
]

# So many micrographs are looked at to choose the working scale for all.
LOOK_AT = 3


def find_micrographs(
    paths: Sequence[Path], pixel_size_angstrom: float | None, inverted: bool
) -> list[Micrograph]:
    """Give the micrographs that were named, those of folders in name order.

    Raises
    ------
    SettingsError
        When a folder holds no micrograph, or a file was named twice.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if has_micrograph_extension(p))
            if not inside:
                raise SettingsError(f"{path}: there are no micrographs in this folder.")
            files += inside
        else:
            files.append(path)
    return [Micrograph(path, pixel_size_angstrom, inverted) for path in dict.fromkeys(files)]


def group_by_micrograph(
    table: pd.DataFrame, micrographs: Sequence[Micrograph], source: Path
) -> list[pd.DataFrame]:
    """Give the rows of a table that belong to each micrograph.

    Raises
    ------
    TableError
        When a name in the table could mean several micrographs, or none means any.
    """
    names = [m.path.as_posix() for m in micrographs]
    matched = match_names([str(name) for name in table["micrograph"].unique()], names)
    if matched.ambiguous:
        name, several = next(iter(matched.ambiguous.items()))
        raise TableError(
            f"{source}: the name {name} could mean {' or '.join(several[:3])}. Use names that tell "
            "them apart."
        )
    if not matched:
        raise TableError(
            f"{source}: none of its micrograph names (such as {table['micrograph'].iloc[0]}) is "
            f"among the given micrographs (such as {names[0]})."
            if len(table)
            else f"{source}: the table is empty."
        )
    if matched.unmatched:
        count = int(table["micrograph"].isin(matched.unmatched).sum())
        some = ", ".join(matched.unmatched[:3])
        say(f"warning: {source}: {count} rows of other micrographs are left out ({some})")
    own = table["micrograph"].map(matched)
    groups = [table[own == name] for name in names]
    for micrograph, rows in zip(micrographs, groups, strict=True):
        if len(rows):
            _check_inside(rows, micrograph, source)
    return groups


def _check_inside(rows: pd.DataFrame, micrograph: Micrograph, source: Path) -> None:
    height, width = micrograph.shape
    outside = int(((rows["x"] > width - 0.5) | (rows["y"] > height - 0.5)).sum())
    if outside:
        raise TableError(
            f"{source}: {outside} of {len(rows)} positions lie outside of {micrograph.path}, which "
            f"has {width} x {height} pixels. Positions have to be in pixels of these files: "
            "activepick convert --scale brings them there."
        )


def make_engine(
    diameter_angstrom: float,
    *,
    model: str,
    trust_model: bool,
    device: str,
    precision: str,
    normalisation: str,
    stride: int = 4,
    cache: "FeatureCache | None" = None,
    orientations: int | None = None,
) -> "FeatureEngine":
    """Load the network and put it on its device."""
    if normalisation not in get_args(Normalisation):
        raise SettingsError(f"--normalise {normalisation}: use affine or gmm.")
    from activepick.features.backbone import load_backbone
    from activepick.features.engine import FeatureEngine
    from activepick.features.extractor import Extractor
    from activepick.features.orientations import DEFAULT_ORIENTATIONS

    backbone = load_backbone(model, trust_pickle=trust_model)
    extractor = Extractor(backbone, stride=stride, device=device, precision=precision)
    return FeatureEngine(
        extractor,
        diameter_angstrom,
        cast(Normalisation, normalisation),
        cache,
        orientations or DEFAULT_ORIENTATIONS,
    )


def inverted_warning(micrograph: Micrograph) -> str:
    """Say that the particles seem to have the other polarity, and what to do."""
    seem, remedy = ("dark", "leave out") if micrograph.inverted else ("bright", "pass")
    return (
        f"{micrograph.path}: the particles look {seem}; {remedy} --invert if that is so, or "
        "correct the diameter or the pixel size."
    )
