"""The command `activepick session`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, say
from activepick.cli.convert_names import renamed
from activepick.cli.micrograph_source import MicrographSource
from activepick.cli.writing import target_format, write_out
from activepick.errors import SettingsError
from activepick.formats import FORMATS, read_picks
from activepick.formats.outside import checked_outside
from activepick.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from activepick.session import Session

__all__ = ["session"]

session = typer.Typer(
    name="session",
    help="Show a session, and import and export its labels and picks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SessionFolder = Annotated[
    Path, typer.Argument(metavar="SESSION", help="The folder NAME.activepick.", show_default=False)
]


@session.callback()
def _group() -> None:
    """Show a session, and import and export its labels and picks."""


@session.command()
def info(path: SessionFolder, json: a.Json = False) -> None:
    """Show the settings and contents of a session."""
    from activepick.formats.scores import to_probability
    from activepick.learning.calibration import expected_precision

    with _opened(path) as opened:
        state = opened.state
        particles = sum(label.is_particle for label in state.labels.values())
        progress = Counter(entry.status for entry in state.micrographs.values())
        table, unpicked = _picks(opened)
        facts: dict[str, Any] = {
            "session": str(opened.folder),
            "micrographs": len(state.micrographs),
            "progress": dict(sorted(progress.items())),
            "particles": particles,
            "others": len(state.labels) - particles,
            "open_questions": len(state.questions),
            "picks": len(table),
            "expected_precision": (
                expected_precision(to_probability(table["score"])) if len(table) else None
            ),
            "micrographs_without_picks": len(unpicked),
            "settings": state.settings.model_dump(mode="json"),
        }
    if json:
        print_json(facts)
        return
    settings = facts.pop("settings")
    shown = {**facts, "progress": ", ".join(f"{n} {k}" for k, n in facts["progress"].items())}
    for key, value in shown.items():
        print(f"{key.replace('_', ' '):<28}{value}")
    for key in ("diameter_angstrom", "pixel_size_angstrom", "threshold", "model"):
        value = settings[key]
        print(f"{key.replace('_', ' '):<28}{'from the files' if value is None else value}")


@session.command(short_help="Repair a session that is damaged or was not closed.")
def repair(
    path: SessionFolder,
    force: Annotated[
        bool,
        typer.Option("--force", help="Repair even if another program seems to have it open."),
    ] = False,
) -> None:
    """Repair a session that is damaged or was not closed: leave out damaged lines.

    A copy of the damaged journal is kept beside the new one.
    """
    from activepick.session import Session

    with Session.open(path, force=force, repair=True) as opened:
        for notice in opened.notices:
            say(notice)
        state = opened.state
        print(
            f"{counted(len(state.labels), 'label')} on "
            f"{counted(len(state.micrographs), 'micrograph')}: {path}"
        )


@session.command(short_help="Write the picks or labels of a session for other programs.")
def export(
    path: SessionFolder,
    out: Annotated[
        a.OutputPath,
        typer.Option(
            parser=a.output_path,
            metavar="PATH",
            help="A table, or a folder with one file for each micrograph.",
            show_default=False,
        ),
    ],
    labels: Annotated[
        bool, typer.Option("--labels", help="Write the labels instead of the picks.")
    ] = False,
    write_as: Annotated[
        str | None,
        typer.Option("--to", help=f"{', '.join(FORMATS)}; by default from the file name."),
    ] = None,
    micrographs: Annotated[
        Path | None,
        typer.Option(
            help="Names of the micrographs in the output: RELION's micrographs_ctf.star, or a "
            "folder."
        ),
    ] = None,
    exposures: Annotated[Path | None, typer.Option(help="cryoSPARC's exposures, for .cs.")] = None,
    box_size: a.BoxSize = None,
    relion: a.Relion = "5",
    overwrite: a.Overwrite = False,
) -> None:
    """Write the picks of a session, or its labels, for other programs."""
    chosen = target_format(out, write_as)
    with _opened(path) as opened:
        pixel_size = opened.state.settings.pixel_size_angstrom
        table, unpicked = (opened.labels.table(), []) if labels else _picks(opened)
    if chosen.name != "csv":
        table = table.drop(columns="contrast", errors="ignore")
        if labels:
            say("warning: non-particles are left out, since only CSV can contain them")
            table = table[table["label"] == 1].reset_index(drop=True).drop(columns="label")
    if unpicked:
        say(
            f"warning: {counted(len(unpicked), 'micrograph was', 'micrographs were')} never picked "
            f"(such as {unpicked[0]}) and left out: pick them in the window or with "
            "activepick pick --head"
        )
    images = None if micrographs is None else MicrographSource(micrographs)
    table = renamed(table, images, None, None, "error")
    options = {"version": relion, "box_size": box_size, "exposures": exposures}
    options["pixel_size_angstrom"] = pixel_size
    write_out(table, out, chosen, images, None, overwrite, **options)
    what = counted(len(table), "label" if labels else "pick")
    print(f"{what} of {counted(table['micrograph'].nunique(), 'micrograph')}: {out}")


@session.command("import", short_help="Import picks into a session, as labels or suggestions.")
def import_(
    path: SessionFolder,
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="Picks or labels of any program.", show_default=False),
    ],
    read_as: a.ReadAs = None,
    curate: Annotated[
        bool,
        typer.Option(
            "--curate",
            help="Import as suggestions, which are used for training only after they are accepted.",
        ),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Replace labels that contradict the table at the same positions."
        ),
    ] = False,
    outside: a.Outside = "drop",
) -> None:
    """Import picks into a session: as labels, or as suggestions to check."""
    from activepick.session import Session

    rule = checked_outside(outside)
    rows = read_picks(table, read_as, outside=rule)
    with Session.open(path) as opened:
        if curate:
            from activepick.session.import_table import find_micrographs

            found = find_micrographs(
                rows,
                opened.state.names,
                {},
                lambda number: opened.micrographs.open(number).shape,
                kinds=opened.state.settings.kind_numbers,
                source=table,
                outside=rule,
            )
            if not found.rows:
                raise SettingsError(
                    f"{table}: none of its micrographs is in this session; check their names."
                )
            suggested = [row for own in found.rows.values() for row in own]
            opened.questions.ask(
                [(row.micrograph, row.x, row.y, 0.0) for row in suggested],
                [row.target for row in suggested],
            )
            if found.unmatched:
                say(f"warning: not in this session: {', '.join(list(found.unmatched)[:10])}")
            print(f"{len(suggested)} suggestions were added to be checked")
        else:
            report = opened.labels.import_table(
                rows, conflicts="replace" if replace else "keep", source=table, outside=rule
            )
            print(report)


def _opened(path: Path) -> "Session":
    from activepick.session import Session

    return Session.open(path, read_only=True)


def _picks(opened: "Session") -> "tuple[pd.DataFrame, list[str]]":
    """Return the stored picks, and the names of micrographs without stored picks."""
    from activepick.workspace.peak_store import PeakStore, stored_picks

    state = opened.state
    store = PeakStore(opened.folder / "peaks", writable=False)
    used = [entry for entry in state.micrographs.values() if entry.status != "rejected"]
    table, missing = stored_picks(state, store, used)
    return table, [state.names[entry.id] for entry in missing]
