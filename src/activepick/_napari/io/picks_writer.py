"""napari writer of points layers as tables of picks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from napari.viewer import current_viewer
from numpy.typing import NDArray

from activepick._napari.io.layer_data import LayerData, in_angstrom
from activepick._napari.io.open_micrographs import OpenMicrograph, open_micrographs
from activepick.errors import TableError
from activepick.formats import Format, choose_format, match_names, write_table
from activepick.formats.outside import leave_out_outside
from activepick.formats.table_warnings import warn_table
from activepick.wording import counted

__all__ = ["write_picks"]

_BOXES = ("box_width_px", "box_height_px")
# Features that are written besides RELION's columns; only CSV can contain others.
_FEATURES = ("score", "label", *_BOXES)


def write_picks(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write points layers, each of one micrograph, as one table.

    Positions are those in the data of a layer, in pixels of the micrograph; scale and translation
    of the layer are ignored. Points that are hidden or outside of their micrographs are left out.

    Parameters
    ----------
    path
        File to write; its extension determines the format.
    layers
        Positions (n, 2) as y, x and attributes of each layer. The name of the micrograph is
        ``metadata["micrograph"]``, the pixel size of STAR files is
        ``metadata["pixel_size_angstrom"]``, and the scores are the feature ``score``. If a format
        has boxes and the features do not contain their sizes, boxes are as wide as the circles.

    Returns
    -------
    list of str
        The path.

    Raises
    ------
    TableError
        If the micrograph of a layer is unknown, two layers belong to the same micrograph, or the
        format cannot contain the picks.
    """
    viewer = current_viewer()
    micrographs = [] if viewer is None else open_micrographs(viewer.layers)
    chosen = choose_format(path, sniff=False)
    owners: dict[str, str] = {}
    tables = []
    for data, attributes, _ in layers:
        if data.shape[1] != 2:
            raise TableError(
                f"The layer {attributes['name']!r} has {data.shape[1]} dimensions: only points on "
                "a single micrograph can be saved as picks."
            )
        name = _micrograph(attributes, micrographs)
        if other := owners.get(name):
            raise TableError(
                f"The layers {other!r} and {attributes['name']!r} both belong to {name}: save "
                "them one at a time."
            )
        owners[name] = attributes["name"]
        _check_place(attributes, micrographs)
        tables.append(_table(np.asarray(data, np.float64), attributes, name, chosen))
    table = pd.concat(tables, ignore_index=True)
    table.attrs.clear()
    by_name = {micrograph.name: micrograph for micrograph in micrographs}
    shapes = {name: by_name[found].size for name, found in match_names(owners, by_name).items()}
    table = leave_out_outside(table, shapes, source=path)
    write_table(table, path, chosen.name, **_sizes(layers, table, chosen))
    return [path]


def _micrograph(attributes: dict[str, Any], micrographs: Sequence[OpenMicrograph]) -> str:
    name = attributes.get("metadata", {}).get("micrograph")
    if name:
        return str(name)
    like = Path(micrographs[0].name).name if micrographs else "NAME.mrc"
    layer = attributes["name"]
    raise TableError(
        f"The micrograph of the layer {layer!r} is not known. Set it in the console, and save "
        f'again: viewer.layers[{layer!r}].metadata["micrograph"] = "{like}"'
    )


def _table(
    data: NDArray[np.float64], attributes: dict[str, Any], name: str, chosen: Format
) -> pd.DataFrame:
    features = pd.DataFrame(attributes.get("features", {})).reset_index(drop=True)
    holds_all = chosen.name == "csv"
    kept = [
        column
        for column in features
        if holds_all or column in _FEATURES or str(column).startswith("rln")
    ]
    table = pd.DataFrame({"micrograph": name, "x": data[:, 1], "y": data[:, 0]}).join(
        features[kept]
    )
    table = table[np.broadcast_to(attributes.get("shown", True), len(table))]
    if "label" in table and not holds_all:
        others = table["label"] == 0
        if others.any():
            warn_table(
                f"non-particles of the layer {attributes['name']!r} are left out "
                f"({counted(int(others.sum()), 'point')}); use CSV to keep them"
            )
        table = table[~others].drop(columns="label")
    return table


def _check_place(attributes: dict[str, Any], micrographs: Sequence[OpenMicrograph]) -> None:
    """Warn if the transform of a layer differs from that of its micrograph."""
    facts = attributes["metadata"]
    by_name = {micrograph.name: micrograph for micrograph in micrographs}
    matched = match_names([facts["micrograph"]], by_name)
    if matched:
        expected = by_name[matched[facts["micrograph"]]].transform
    elif "pixel_size_angstrom" in facts:
        expected = in_angstrom(facts["pixel_size_angstrom"])
    else:
        return
    still = {"translate": (0, 0), "rotate": np.eye(2), "shear": (0,), "affine": np.eye(3)}
    for name, unmoved in {"scale": (1, 1), **still}.items():
        there = np.asarray(attributes.get(name, unmoved), np.float64)
        right = np.asarray(expected.get(name, unmoved), np.float64)
        if there.shape != right.shape or not np.allclose(there, right, rtol=1e-4, atol=1e-6):
            warn_table(
                f"The {name} of the layer {attributes['name']!r} differs from that of its "
                "micrograph. Its positions are written in pixels of the micrograph, not as they "
                "are displayed; check that this is intended."
            )
            return


def _sizes(layers: Sequence[LayerData], table: pd.DataFrame, chosen: Format) -> dict[str, Any]:
    """Return options of the format that are derived from the layers."""
    facts = [attributes["metadata"] for _, attributes, _ in layers]
    optics = [fact.get("optics") for fact in facts]
    if optics[0] is not None and all(one == optics[0] for one in optics):
        table.attrs["optics"] = optics[0]
    options: dict[str, Any] = {}
    if not set(_BOXES) <= set(table):
        circles = [np.atleast_1d(attributes.get("size", [])) for _, attributes, _ in layers]
        options["box_size"] = max(1, round(float(np.median(np.concatenate(circles)))))
    pixel_sizes = {fact.get("pixel_size_angstrom") for fact in facts}
    if len(pixel_sizes) == 1 and None not in pixel_sizes:
        options["pixel_size_angstrom"] = pixel_sizes.pop()
    return {name: value for name, value in options.items() if name in chosen.options}
