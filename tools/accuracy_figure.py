"""Draw average precision against the number of answers: docs/images/accuracy-*.png.

    .venv/bin/python tools/accuracy_figure.py

The numbers are those of the table of learning curves in docs/benchmarks.md, which
`benchmarks/all_methods.py` writes; all sets of real micrographs in it are drawn.
"""

import argparse
import re
from pathlib import Path

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/benchmarks.md"
REAL = "EMPIAR-"
# Name in the table: name in the figure, colour (Okabe and Ito), line style.
METHODS = {
    "active": ("activepick", "#0072B2", "-"),
    "topaz": ("Topaz, pretrained", "#009E73", "--"),
    "paper-scaled": (
        "published method, with the scale and the start of activepick",
        "#E69F00",
        "-",
    ),
    "paper": ("published method", "#D55E00", "-"),
}
LOWEST = 0.55
THEMES = {"light": "default", "dark": "dark_background"}

Curves = dict[str, dict[int, float]]


def main() -> None:
    """Read the table and write the figure for both themes."""
    parser = argparse.ArgumentParser(description="Draw accuracy against the number of answers.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images")
    out = parser.parse_args().out
    sets = read_curves(PAGE.read_text(encoding="utf-8"))
    real = {title: curves for title, curves in sets.items() if REAL in title}
    for theme, name in THEMES.items():
        path = out / f"accuracy-{theme}.png"
        with style.context(name):
            # The light figure is also shown where the background is not known.
            draw(real).savefig(path, dpi=130, transparent=theme == "dark")
        print(path)


def read_curves(text: str) -> dict[str, Curves]:
    """Return the average precision of each set and method at each number of labels.

    The table begins with the columns set, method and runs, and has one column for each number of
    labels.
    """
    lines = iter(text.splitlines())
    header = next(
        cells for line in lines if (cells := split(line))[:3] == ["set", "method", "runs"]
    )
    columns = {
        place: int(name.removesuffix(" labels"))
        for place, name in enumerate(header)
        if re.fullmatch(r"\d+( labels)?", name)
    }
    next(lines)
    sets: dict[str, Curves] = {}
    title = ""
    for line in lines:
        if not line.startswith("|"):
            break
        cells = split(line)
        title = cells[0] or title
        values = {labels: float(cells[place]) for place, labels in columns.items() if cells[place]}
        sets.setdefault(title, {})[cells[1].strip("`")] = values
    return sets


def split(line: str) -> list[str]:
    """Return the cells of a row of a table in Markdown."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def draw(sets: dict[str, Curves]) -> Figure:
    """Return a figure with one panel for each set."""
    figure = Figure(figsize=(3.1 * len(sets), 3.5), layout="constrained")
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axes, (title, curves) in zip(panels, sets.items(), strict=True):
        panel(axes, curves)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("answers")
    panels[0].set_ylabel("average precision")
    lines = {line.get_label(): line for axes in panels for line in axes.get_lines()}
    ordered = [lines[name] for name, *_ in METHODS.values() if name in lines]
    figure.legend(handles=ordered, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def panel(axes: Axes, curves: Curves) -> None:
    """Draw the curves of one set; a method that needs no labels is a horizontal line."""
    last = max(labels for curve in curves.values() for labels in curve)
    for method, (name, colour, dashes) in METHODS.items():
        # A method that starts from zero weights has no picks yet.
        curve = {n: ap for n, ap in curves.get(method, {}).items() if ap >= LOWEST}
        if not curve:
            continue
        width = 2.4 if method == "active" else 1.6
        if set(curve) == {0}:
            axes.plot([0, last], [curve[0]] * 2, color=colour, ls=dashes, lw=width, label=name)
        else:
            axes.plot(
                *zip(*curve.items(), strict=True),
                "o",
                color=colour,
                ls=dashes,
                lw=width,
                ms=4,
                clip_on=False,
                label=name,
            )
    axes.set(xlim=(0, last), ylim=(LOWEST, 1))
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    main()
