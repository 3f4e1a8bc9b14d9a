"""Read and write picks in a format of your own: here one JSON object in each line.

A format is an instance of `activepick.formats.Format`. Pass it to `read_table`, `write_table`,
`read_folder` or `write_folder` in place of the name of a built-in format.

    python examples/custom_format.py picks.star picks.jsonl
    python examples/custom_format.py picks.jsonl picks.csv

Without arguments it makes a few picks, writes them, and reads them again.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from activepick.errors import TableError
from activepick.formats import Format, read_table, write_folder, write_table


def sniff(head: bytes) -> bool:
    """Return whether a file is of this format, judged by its first bytes."""
    return head.lstrip().startswith(b'{"micrograph"')


def read(path: Path) -> pd.DataFrame:
    """Return a table with the columns micrograph, x, y and all others of the file."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return pd.DataFrame(rows).astype({"micrograph": str, "x": float, "y": float})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TableError(f"{path}: is not a pick in each line ({error}); check the file") from error


def render(table: pd.DataFrame, path: Path) -> Iterator[str]:
    """Yield the text of a file in pieces; the file is written completely or not at all."""
    for row in table.to_dict("records"):
        yield json.dumps(row) + "\n"


JSON_LINES = Format(
    name="jsonl",
    title="JSON lines",
    extensions=(".jsonl",),
    ending=".jsonl",
    sniff=sniff,
    read=read,
    render=render,
)


def chosen(path: Path) -> Format | None:
    """Return this format for its own files, or None to let activepick choose."""
    return JSON_LINES if path.suffix in JSON_LINES.extensions else None


def convert(source: Path, target: Path) -> None:
    """Convert picks from one file to another."""
    table = read_table(source, chosen(source))
    write_table(table, target, chosen(target))
    print(f"{len(table)} picks: {target}")


def show() -> None:
    """Write a table to a file, and to a folder with one file per micrograph, and read it again."""
    picks = pd.DataFrame(
        {
            "micrograph": ["a.mrc", "a.mrc", "b.mrc"],
            "x": [10.5, 200.0, 31.0],
            "y": [20.25, 90.0, 7.5],
            "score": [2.0, -0.5, 1.25],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picks.jsonl")
        write_table(picks, path, JSON_LINES)
        print(path.read_text(encoding="utf-8"), end="")
        pd.testing.assert_frame_equal(read_table(path, JSON_LINES), picks)
        files = write_folder(picks, Path(folder, "each"), JSON_LINES)
        print({name: file.name for name, file in files.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="input and output file")
    options = parser.parse_args()
    if options.files:
        convert(*options.files)
    else:
        show()
