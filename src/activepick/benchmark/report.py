"""Write learning curves as a file, a table and a plot."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.atomic import replacing

__all__ = ["plot_curves", "summary", "write_curves", "write_rows"]

# Palette of Okabe and Ito, whose colours colour-blind readers can distinguish.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def write_curves(rows: pd.DataFrame, folder: Path) -> tuple[Path, Path]:
    """Write `curve.csv` and `curve.png` into a folder and return their paths.

    Parameters
    ----------
    rows
        Rows of `learning_curve`.
    folder
        The folder; it is created if it does not exist.
    """
    plot = folder / "curve.png"
    table = write_rows(rows, folder)
    with replacing(plot) as temporary:
        plot_curves(rows, temporary)
    return table, plot


def write_rows(rows: pd.DataFrame, folder: Path) -> Path:
    """Write `curve.csv` into a folder and return its path; parameters as in `write_curves`."""
    table = folder / "curve.csv"
    with replacing(table) as temporary:
        rows.to_csv(temporary, index=False, float_format="%.6g")
    return table


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over the seeds.

    Parameters
    ----------
    rows
        Rows of `learning_curve`.

    Returns
    -------
    DataFrame
        Columns method, clicks, seeds (number of runs), labels, positives, skips, ap, spread
        (standard deviation of ap), ap90, f1, refit_seconds, settled (share of the runs in which it
        is true), and AP and F1 of each kind of particle if there are several. Methods are in the
        order of their first rows.
    """
    supervised = rows["method"] == "supervised"
    if supervised.any():
        # The number of labels differs between seeds, but the seeds are averaged.
        rows = rows.copy()
        rows.loc[supervised, "clicks"] = round(rows.loc[supervised, "clicks"].mean())
    order = pd.Categorical(rows["method"], rows["method"].unique())
    groups = rows.assign(method=order).groupby(["method", "clicks"], as_index=False, observed=True)
    table = groups.agg(
        seeds=("ap", "size"),
        labels=("labels", "mean"),
        positives=("positives", "mean"),
        skips=("skips", "mean"),
        ap=("ap", "mean"),
        spread=("ap", lambda ap: ap.std(ddof=0)),
        ap90=("ap90", "mean"),
        f1=("f1", "mean"),
        refit_seconds=("refit_seconds", "mean"),
        settled=("settled", "mean"),
        **{name: (name, "mean") for name in rows.columns if name.startswith(("ap ", "f1 "))},
    )
    table["labels"] = table["labels"].round()  # with patches, the runs have different numbers
    return table.astype({"method": str, "labels": int})


def plot_curves(rows: pd.DataFrame, path: Path) -> None:
    """Plot average precision against the number of clicks, with the spread over the seeds.

    Without patches, each label is a click.

    Parameters
    ----------
    rows
        Rows of `learning_curve`.
    path
        Path of the PNG file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    table = summary(rows)
    last = int(table.loc[table["method"] != "supervised", "clicks"].max())
    curves = table.groupby("method", sort=False)
    for colour, (method, group) in zip(itertools.cycle(_COLOURS), curves, strict=False):
        if method == "supervised":
            axes.axhline(group["ap"].iloc[0], color="0.4", ls="--", label="all labels")
            continue
        low, high = group["ap"] - group["spread"], group["ap"] + group["spread"]
        axes.plot(group["clicks"], group["ap"], marker="o", ms=4, color=colour, label=method)
        axes.fill_between(group["clicks"], low, high, color=colour, alpha=0.15, lw=0)
    by_patch = not np.allclose(table["labels"], table["clicks"], atol=0.5)
    axes.set(
        xlabel="clicks" if by_patch else "labels",
        ylabel="average precision",
        xlim=(0, max(last, 1)),
        ylim=(None, 1),
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
