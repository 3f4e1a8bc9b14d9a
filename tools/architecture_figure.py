"""Draw the packages of activepick and their imports: docs/images/architecture.svg.

    .venv/bin/python tools/architecture_figure.py

The layers are those of the contract in pyproject.toml, the arrows come from the graph of imports.
An arrow that follows from two others is left out.
"""

import argparse
import ast
import re
import textwrap
import tomllib
from html import escape
from pathlib import Path

import grimp
import networkx as nx

ROOT = Path(__file__).parent.parent
PACKAGE = "activepick"
WIDTH, BOX, GAP, MARGIN = 960, 56, 30, 16
_FILL = ("#fce4ec", "#ede7f6", "#e3f2fd", "#e0f2f1", "#f1f8e9", "#fff8e1", "#eceff1")


def main() -> None:
    """Read the layers and the imports, and write the picture."""
    parser = argparse.ArgumentParser(description="Draw the packages and their imports.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images/architecture.svg")
    out = parser.parse_args().out
    out.write_text(draw(layers(), imports()), encoding="utf-8")


def layers() -> list[list[str]]:
    """Return the packages of each layer of the contract, from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contract = next(
        contract
        for contract in contracts["tool"]["importlinter"]["contracts"]
        if contract["name"] == "layers"
    )
    rows = [[name.strip() for name in row.split("|")] for row in contract["layers"]]
    # Single modules at the bottom share a row: they are small, and their order does not matter.
    modules = [name for row in rows for name in row if is_module(name)]
    packages = [[name for name in row if not is_module(name)] for row in rows]
    return [row for row in packages if row] + [modules]


def is_module(name: str) -> bool:
    """Return whether the name is a file, not a folder."""
    return (ROOT / "src" / PACKAGE / f"{name}.py").is_file()


def imports() -> set[tuple[str, str]]:
    """Return the pairs of packages of which the first imports the second, without shortcuts."""
    graph = grimp.build_graph(PACKAGE)
    between = nx.DiGraph()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            ends = [name.split(".")[1] for name in (module, other) if "." in name]
            if len(ends) == 2 and ends[0] != ends[1] and not is_module(ends[1]):
                between.add_edge(*ends)
    return set(nx.transitive_reduction(between).edges)


def summary(name: str) -> str:
    """Return the first line of the docstring of a package."""
    source = (ROOT / "src" / PACKAGE / name / "__init__.py").read_text("utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    return re.split(r"[.;](\s|$)", text.split("\n\n")[0].replace("\n", " "))[0]


def draw(rows: list[list[str]], edges: set[tuple[str, str]]) -> str:
    """Return the picture as SVG."""
    places: dict[str, tuple[float, float, float]] = {}
    boxes = []
    y = float(MARGIN)
    for number, row in enumerate(rows[:-1]):
        width = (WIDTH - 2 * MARGIN - (len(row) - 1) * 18) / len(row)
        if len(row) == 1:
            width *= 0.6
        x = (WIDTH - width * len(row) - 18 * (len(row) - 1)) / 2
        for name in row:
            places[name] = (x, y, width)
            boxes.append(box(name, x, y, width, _FILL[number % len(_FILL)]))
            x += width + 18
        y += BOX + GAP
    words = ", ".join(f"{name}.py" for name in rows[-1])
    lines = textwrap.wrap(f"modules beside the packages: {words}", 130)
    boxes += [
        f'<text x="{WIDTH / 2}" y="{y + 4 + 16 * i:g}" text-anchor="middle" font-size="12" '
        f'fill="#546e7a">{escape(line)}</text>'
        for i, line in enumerate(lines)
    ]
    height = y + 16 * len(lines) + MARGIN
    arrows = [arrow(places[a], places[b]) for a, b in sorted(edges) if {a, b} <= set(places)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="14" role="img" '
            'aria-label="The packages of activepick; arrows point to what a package imports">',
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" fill="#78909c"/></marker>'
            "</defs>",
            f'<rect width="{WIDTH}" height="{height:g}" rx="8" fill="#ffffff"/>',
            *arrows,
            *boxes,
            "</svg>\n",
        ]
    )


def box(name: str, x: float, y: float, width: float, fill: str) -> str:
    """Return the box of a package: its name, and its summary in at most two lines."""
    middle = x + width / 2
    lines = textwrap.wrap(summary(name), max(20, int(width / 6.0)))[:2]
    text = "".join(
        f'<text x="{middle:g}" y="{y + 37 + 15 * i:g}" text-anchor="middle" font-size="11" '
        f'fill="#37474f">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{BOX}" rx="5" fill="{fill}" '
        f'stroke="#90a4ae"/><text x="{middle:g}" y="{y + 20:g}" text-anchor="middle" '
        f'font-weight="bold" fill="#102027">{escape(name)}</text>{text}'
    )


def arrow(start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    """Return the curve from the lower edge of one box to the upper edge of another."""
    (x0, y0, w0), (x1, y1, w1) = start, end
    # Each arrow starts and ends on the side of the other box, so that few arrows overlap.
    a = x0 + w0 / 2 + max(-0.3, min(0.3, (x1 + w1 / 2 - x0 - w0 / 2) / WIDTH)) * w0
    b = x1 + w1 / 2 + max(-0.3, min(0.3, (x0 + w0 / 2 - x1 - w1 / 2) / WIDTH)) * w1
    top, bottom = y0 + BOX, y1
    bend = max(20.0, (bottom - top) / 2)
    return (
        f'<path d="M{a:g} {top:g}C{a:g} {top + bend:g} {b:g} {bottom - bend:g} {b:g} {bottom:g}" '
        'fill="none" stroke="#78909c" stroke-width="1.3" marker-end="url(#head)"/>'
    )


if __name__ == "__main__":
    main()
