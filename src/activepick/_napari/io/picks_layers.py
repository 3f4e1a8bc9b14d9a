"""Conversion of tables of picks to points layers on their micrographs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick._napari import colours
from activepick._napari.io.layer_data import LayerData, in_angstrom
from activepick._napari.io.open_micrographs import OpenMicrograph
from activepick.errors import TableError
from activepick.formats import match_names
from activepick.formats.outside import leave_out_outside
from activepick.formats.table_warnings import warn_table

__all__ = ["picks_layers"]

# Diameter of circles if that of particles is unknown: share of the image's shorter side, or px.
_SHARE, _PIXELS = 0.025, 40.0


def picks_layers(
    table: pd.DataFrame, path: Path, micrographs: Sequence[OpenMicrograph]
) -> list[LayerData]:
    """Return a points layer for each open micrograph that has picks in a table.

    Parameters
    ----------
    table
        A table as returned by `activepick.formats.read_table`.
    path
        File of the table.
    micrographs
        Micrographs that are open.

    Returns
    -------
    list of (positions, layer attributes, "points")
        Positions (n, 2) as y, x in original pixels; the other columns are features; `metadata`
        contains `micrograph` (the name in the table), `path`, `pixel_size_angstrom`,
        `diameter_angstrom` and, if known, `optics`.

    Raises
    ------
    TableError
        If the micrograph of the picks is ambiguous, or all picks lie outside of micrographs.
    """
    names = [str(name) for name in table["micrograph"].unique()]
    if not names:
        raise TableError(f"{path} contains no picks.")
    shown = _shown(names, table, path, micrographs)
    shapes = {name: known.size for name, known in shown.items() if known is not None}
    picks = leave_out_outside(table[table["micrograph"].isin(list(shown))], shapes, source=path)
    return [
        _layer(
            picks[picks["micrograph"] == name],
            path.name if len(shown) == 1 else f"{path.name}: {name}",
            path,
            micrograph,
        )
        for name, micrograph in shown.items()
        if (picks["micrograph"] == name).any()
    ]


def _shown(
    names: list[str], table: pd.DataFrame, path: Path, micrographs: Sequence[OpenMicrograph]
) -> dict[str, OpenMicrograph | None]:
    """Return the names of the table to show, and the micrograph of each."""
    many = f"{len(names)} micrographs" if len(names) > 1 else "one micrograph"
    if not micrographs:
        if len(names) == 1:
            return {names[0]: None}
        raise TableError(
            f"{path} contains picks of {many}, but none of them is open. Open one of them "
            f"(such as {names[0]}) first, then open this file again."
        )
    by_name = {micrograph.name: micrograph for micrograph in micrographs}
    matched = match_names(names, by_name)
    if matched:
        return {name: by_name[found] for name, found in matched.items()}
    if matched.ambiguous:
        name, several = next(iter(matched.ambiguous.items()))
        raise TableError(
            f"{path}: the name {name} matches several micrographs: {', '.join(several[:3])}. "
            "Close all but one of them, then open this file again."
        )
    if table.attrs.get("micrograph_from_file_name") and len(micrographs) == 1:
        warn_table(
            "the file does not name the micrograph of its picks: they are shown on "
            f"{Path(micrographs[0].name).name}, the only one that is open",
            file=path,
        )
        return {names[0]: micrographs[0]}
    raise TableError(
        f"{path} contains picks of {many} ({_some(names)}), but the open micrographs are "
        f"{_some([Path(name).name for name in by_name])}. Open a micrograph of the table first, "
        "then open this file again."
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")


def _layer(
    rows: pd.DataFrame, name: str, path: Path, micrograph: OpenMicrograph | None
) -> LayerData:
    positions = rows[["y", "x"]].to_numpy(np.float64)
    features = rows.drop(columns=["micrograph", "x", "y"]).reset_index(drop=True)
    # Points that are added by hand have no score; napari would use that of the last point.
    unknown = {"score": np.nan} if "score" in features else {}
    optics = rows.attrs.get("optics")
    size = (micrograph and micrograph.pixel_size_angstrom) or _pixel_size(optics)
    diameter = micrograph and micrograph.diameter_angstrom
    circle: float | NDArray[np.float64]
    if diameter and size:
        circle = diameter / size
    elif "box_width_px" in features:
        circle = features["box_width_px"].to_numpy(np.float64)
    else:
        circle = _PIXELS if micrograph is None else _SHARE * float(micrograph.shape.min())
    attributes = {
        "name": name,
        "features": features,
        "feature_defaults": features.tail(1).assign(**unknown).reset_index(drop=True),
        "size": circle,
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": _border_colours(features),
        "border_width": 0.06,
        "border_width_is_relative": True,
        "metadata": {
            "micrograph": str(rows["micrograph"].iloc[0]),
            "path": str(path),
            "pixel_size_angstrom": size,
            "diameter_angstrom": diameter,
            **({} if optics is None else {"optics": optics}),
        },
        **(in_angstrom(size) if micrograph is None else micrograph.transform),
    }
    return positions, attributes, "points"


def _pixel_size(optics: list[dict[str, Any]] | None) -> float | None:
    """Return the pixel size of a table if all its optics groups have the same."""
    tag = "rlnMicrographPixelSize"
    sizes = {float(group[tag]) for group in optics or [] if tag in group}
    return sizes.pop() if len(sizes) == 1 else None


def _border_colours(features: pd.DataFrame) -> NDArray[np.float64] | str:
    """Return the colours of the circles: by score, else by label."""
    if "score" in features:
        scores = features["score"].to_numpy(np.float64)
        known = np.isfinite(scores)
        rims = np.tile(matplotlib.colors.to_rgba(colours.SKIPPED), (len(scores), 1))
        if known.any():
            low, high = np.percentile(scores[known], (1, 99))
            shares = np.clip((scores[known] - low) / ((high - low) or 1.0), 0, 1)
            rims[known] = colours.of_score(shares)
        return rims
    if "label" in features:
        targets = [None if pd.isna(label) else int(label) for label in features["label"]]
        return np.array([matplotlib.colors.to_rgba(colours.of_target(t)) for t in targets])
    return colours.PARTICLE
