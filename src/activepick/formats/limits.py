"""Limits of tables, so that invalid files take neither much time nor much memory."""

from pathlib import Path

from activepick.errors import TableError

__all__ = ["check_tables", "check_width"]

# RELION's and cryoSPARC's own tables have fewer than 100.
_MOST_COLUMNS = 2000
# Number of tables with positions whose columns differ from those of the previous table.
_MOST_TABLES = 200


def check_width(columns: int, path: Path, line: int | None = None) -> None:
    """Check that a table is not wider than any table of picks.

    Parameters
    ----------
    columns
        Number of columns.
    path
        The file, for messages.
    line
        Number of the line, if the file consists of lines.

    Raises
    ------
    TableError
        If it is too wide.
    """
    if columns > _MOST_COLUMNS:
        place = f"{path}" if line is None else f"{path}, line {line}"
        raise TableError(f"{place}: {columns} columns, so this is not a table of picks")


def check_tables(tables: int, path: Path) -> None:
    """Raise an error for a file of more different tables than any file of picks.

    Parameters
    ----------
    tables
        Number of tables.
    path
        The file, for messages.

    Raises
    ------
    TableError
        If there are too many.
    """
    if tables > _MOST_TABLES:
        raise TableError(
            f"{path}: {tables} tables with different columns, so this is not a file of picks"
        )
