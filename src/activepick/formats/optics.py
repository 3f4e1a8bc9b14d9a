"""Convert and join optics groups of RELION and exposure groups of cryoSPARC."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.formats.table_warnings import warn_table
from activepick.formats.values import to_numbers

__all__ = ["joined_optics", "optics_in_words", "with_exposure_groups"]

_GROUP = "location/exp_group_id"
# Numbers of groups in cryoSPARC have 32 bits.
_LARGEST_GROUP = 2**32
# RELION's names of those fields of cryoSPARC's picks that are equal within a group.
_VALUES = {
    "location/micrograph_psize_A": "rlnMicrographPixelSize",
    "ctf/accel_kv": "rlnVoltage",
    "ctf/cs_mm": "rlnSphericalAberration",
    "ctf/amp_contrast": "rlnAmplitudeContrast",
}
# Columns of every optics group without information.
_NUMBER, _NAME = _PLAIN = ("rlnOpticsGroup", "rlnOpticsGroupName")


def optics_in_words(table: pd.DataFrame) -> str:
    """Return a description of the optics groups of a table, such as "optics groups (rlnVoltage)".

    Parameters
    ----------
    table
        With ``attrs["optics"]``, a dict for each group, where there are any.

    Returns
    -------
    str
        Empty if the groups have only a number and a name.
    """
    groups = table.attrs.get("optics") or []
    told = list(dict.fromkeys(str(key) for group in groups for key in group if key not in _PLAIN))
    if not told:
        return ""
    more = f" and {len(told) - 5} more" if len(told) > 5 else ""
    return f"optics groups ({', '.join(told[:5])}{more})"


def joined_optics(
    tables: Sequence[pd.DataFrame],
) -> tuple[Sequence[pd.DataFrame], list[dict[str, Any]] | None]:
    """Return tables that can be concatenated, with the optics groups of all of them.

    Groups with the same name and content are one group. If different tables use a number for
    different groups, the later ones get new numbers. An optics block has the same columns for all
    groups, so columns that some groups do not have are left out, with a warning.

    Parameters
    ----------
    tables
        Tables with ``attrs["optics"]`` where they have optics groups.

    Returns
    -------
    tables : sequence of DataFrame
        With the new numbers in ``rlnOpticsGroup``.
    optics : list of dict or None
        A dict for each group; None if nothing is known about all groups.
    """
    each = [table.attrs.get("optics") or [] for table in tables]
    if all(groups == each[0] for groups in each):
        return tables, each[0] or None
    keys = [set(group) for groups in each for group in groups or [{}]]
    shared, known = (
        set.intersection(*keys),
        list(dict.fromkeys(k for g in each for r in g for k in r)),
    )
    lost = [name for name in known if name not in shared and name not in _PLAIN]
    if lost:
        warn_table(
            f"not all optics groups have {', '.join(lost[:10])}, so it is left out of all of them"
        )
    told = [name for name in known if name in shared and name not in _PLAIN]
    if not told:
        return tables, None
    numbers: dict[tuple[str, ...], int] = {}
    optics: list[dict[str, Any]] = []
    renumbered = []
    for table, groups in zip(tables, each, strict=True):
        new = {}
        for group in groups:
            own = group.get(_NUMBER, 1)
            key = (str(group.get(_NAME, own)), *(repr(group[name]) for name in told))
            if key not in numbers:
                taken = set(numbers.values())
                integers = (number for number in taken if isinstance(number, int))
                numbers[key] = own if own not in taken else max(integers, default=0) + 1
                names = {str(record[_NAME]) for record in optics}
                name = str(group.get(_NAME, f"opticsGroup{own}"))
                name = f"opticsGroup{numbers[key]}" if name in names else name
                facts = {name: group[name] for name in told}
                optics.append({_NUMBER: numbers[key], _NAME: name, **facts})
            new[own] = numbers[key]
        own_numbers = table.get(_NUMBER, pd.Series(1, index=table.index))
        renumbered.append(
            table.assign(**{_NUMBER: [new.get(number, number) for number in own_numbers.tolist()]})
        )
    return renumbered, optics


def with_exposure_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Return cryoSPARC's picks with their exposure groups as RELION's optics groups.

    Picks of one exposure group with different pixel sizes get several optics groups. The table is
    returned unchanged if it has neither exposure groups nor a pixel size, or if it has optics
    groups.

    Parameters
    ----------
    table
        With columns such as ``location/exp_group_id`` and ``location/micrograph_psize_A``.

    Returns
    -------
    DataFrame
        With the column ``rlnOpticsGroup`` and ``attrs["optics"]``.
    """
    known = [name for name in _VALUES if name in table]
    if "rlnOpticsGroup" in table or not len(table) or not (_GROUP in table or known):
        return table
    exposures = to_numbers(table.get(_GROUP, pd.Series(0, index=table.index))).to_numpy()
    numbers = np.where(np.abs(exposures) < _LARGEST_GROUP, exposures, 0).astype(np.int64)
    values = [to_numbers(table[name]).to_numpy(np.float64) for name in known]
    # In cryoSPARC's single precision, 1.06 is 1.059999942779541.
    keys = np.stack([numbers.astype(np.float64), *(np.round(v, 6) for v in values)], axis=1)
    unique, codes = np.unique(keys, axis=0, return_inverse=True)
    groups = _group_numbers(unique[:, 0].astype(np.int64))
    optics = []
    for group, row in zip(groups.tolist(), unique.tolist(), strict=True):
        found: dict[str, Any] = {
            "rlnOpticsGroup": group,
            "rlnOpticsGroupName": f"opticsGroup{group}",
        }
        for name, value in zip(known, row[1:], strict=True):
            if math.isfinite(np.float32(value)) and (value > 0 or name == "ctf/cs_mm"):
                found[_VALUES[name]] = _shortest(value)
        optics.append(found)
    grouped = table.assign(rlnOpticsGroup=groups[codes.ravel()])
    # A block of optics has the same columns for all groups.
    shared = set.intersection(*(set(group) for group in optics))
    grouped.attrs["optics"] = [{k: v for k, v in g.items() if k in shared} for g in optics]
    return grouped


def _group_numbers(exposure_groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return numbers of optics groups, from 1: those of the exposure groups if possible."""
    if len(set(exposure_groups.tolist())) == len(exposure_groups) and exposure_groups.min() >= 1:
        return exposure_groups
    return np.arange(1, len(exposure_groups) + 1)


def _shortest(value: float) -> float:
    """Return the shortest number that is equal in single precision."""
    return float(str(np.float32(value)))
