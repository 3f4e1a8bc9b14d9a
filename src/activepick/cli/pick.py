"""`activepick pick`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, progress_bar, say
from activepick.cli.inputs import find_micrographs, inverted_warning, make_engine
from activepick.errors import ActivepickError, SettingsError
from activepick.formats import FORMATS, PickFolder, choose_format, write_table
from activepick.formats.boxes import BOX_COLUMNS
from activepick.formats.relion_star_writer import VERSIONS, relion_version
from activepick.micrograph import Micrograph
from activepick.picking.picks import score_threshold

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.learning.head import Head

__all__ = ["pick"]

# So many micrographs are looked at to choose the working scale for all.
_LOOK_AT = 3


def pick(
    micrographs: a.Micrographs,
    diameter: a.Diameter,
    out: Annotated[
        Path,
        typer.Option(
            help="A file for all picks (.star, .csv, .txt, .cs), or a folder for one file a "
            "micrograph.",
            show_default=False,
        ),
    ],
    pixel_size: a.PixelSize = None,
    head: Annotated[
        str, typer.Option(help="A saved head, or topaz for Topaz's pretrained detector.")
    ] = "topaz",
    threshold: Annotated[float, typer.Option(help="Lowest probability of a pick.")] = 0.5,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(FORMATS)}; by default what the file name says, star for folders.",
            show_default=False,
        ),
    ] = None,
    relion: Annotated[
        str, typer.Option(help=f"Version of RELION for STAR files: {', '.join(VERSIONS)}.")
    ] = "5",
    box_size: Annotated[
        float | None,
        typer.Option(
            help="Side of boxes in pixels, for box and cbox; by default the particle diameter.",
            show_default=False,
        ),
    ] = None,
    exposures: Annotated[
        Path | None,
        typer.Option(help="cryoSPARC's .cs of the exposures, for cs.", show_default=False),
    ] = None,
    min_distance: Annotated[
        float, typer.Option(help="Smallest distance of two picks, in particle radii.")
    ] = 0.8,
    edge_margin: Annotated[
        float, typer.Option(help="Leave out picks this close to the border, in particle radii.")
    ] = 0.0,
    working_radius: Annotated[
        float | None,
        typer.Option(
            help="Particle radius in pixels of the image that the network sees. By default the "
            "images decide (with --head topaz) or the head does.",
            show_default=False,
        ),
    ] = None,
    invert: a.Invert = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Feature extractor, as in activepick train; by default resnet16_u64, or the one "
            "that the head was made for.",
            show_default=False,
        ),
    ] = None,
    trust_model: a.TrustModel = False,
    device: a.Device = "auto",
    precision: a.Precision = "auto",
    normalise: Annotated[
        str | None,
        typer.Option(
            help="How grey values are normalised: affine (mean and deviation) or gmm (Topaz's "
            "mixture of two Gaussians); by default affine, or what the head was made for.",
            show_default=False,
        ),
    ] = None,
    json: a.Json = False,
) -> None:
    """Pick particles in micrographs and write them as a table of positions and scores.

    Positions are particle centres in pixels of the original micrographs. Names are written as
    they are given here: run it in the RELION project folder to get RELION's names. A micrograph
    that cannot be used is reported and left out; the exit status is then 2.
    """
    score_threshold(threshold)
    for option, value in (("--min-distance", min_distance), ("--edge-margin", edge_margin)):
        if not value >= 0:
            raise SettingsError(f"{option} {value:g}: give 0 or more particle radii.")
    files = find_micrographs(micrographs, pixel_size, invert)
    wanted = {"version": relion, "box_size": box_size, "exposures": exposures}
    target = _Target(out, format, files, diameter, wanted)
    engine, chosen = _prepare(
        head,
        files,
        diameter,
        working_radius,
        {
            "model": model,
            "trust_model": trust_model,
            "device": device,
            "precision": precision,
            "normalisation": normalise,
        },
    )
    from activepick.picking.picker import pick_micrograph

    counts: dict[str, int] = {}
    failed: dict[str, str] = {}
    with progress_bar(len(files)) as bar:
        for micrograph in files:
            bar.step(micrograph.name)
            name = micrograph.path.as_posix()
            try:
                picks = pick_micrograph(
                    engine,
                    chosen,
                    micrograph,
                    threshold=threshold,
                    min_distance=min_distance,
                    edge_margin=edge_margin,
                    progress=bar.part,
                )
                target.add(micrograph, picks.assign(micrograph=name))
                counts[name] = len(picks)
            except ActivepickError as error:
                if len(files) == 1:
                    raise
                bar.say(f"left out: {error}")
                failed[name] = str(error)
            bar.done()
    target.finish()
    if json:
        print_json(
            {
                "out": str(out),
                "picks": sum(counts.values()),
                "micrographs": counts,
                "failed": failed,
                "working_radii_px": list(chosen.spec.working_radii),
            }
        )
    else:
        left_out = f" ({len(failed)} left out)" if failed else ""
        print(f"{sum(counts.values())} picks in {len(counts)} micrographs{left_out}: {out}")
    if failed:
        raise typer.Exit(2)


def _prepare(
    head: str,
    files: list[Micrograph],
    diameter: float,
    working_radius: float | None,
    options: dict[str, Any],
) -> "tuple[FeatureEngine, Head]":
    """Load what decides, and the network that it was made for."""
    if head != "topaz":
        from activepick.learning.head_file import load_head

        if working_radius is not None:
            raise SettingsError("--working-radius: a saved head brings its own working radii.")
        saved = load_head(Path(head))
        options["model"] = options["model"] or saved.spec.backbone
        options["normalisation"] = options["normalisation"] or saved.spec.normalisation
        engine = make_engine(
            diameter, stride=saved.spec.stride, orientations=saved.spec.orientations, **options
        )
        usable = _usable(engine, files)
        if saved.notes.get("generic"):  # it suits any protein at the scale that suits the protein
            from activepick.learning.start import starting_head

            return engine, starting_head(engine, usable, saved)
        saved.require(engine.spec(saved.spec.working_radii))
        return engine, saved
    from activepick.learning.head import pretrained_head

    options["model"] = options["model"] or "resnet16_u64"
    options["normalisation"] = options["normalisation"] or "affine"
    engine = make_engine(diameter, **options)
    usable = _usable(engine, files)
    radius = engine.best_radius(usable) if working_radius is None else working_radius
    backbone = engine.extractor.backbone
    return engine, pretrained_head(engine.spec((radius,)), backbone.weights, backbone.bias, radius)


def _usable(engine: "FeatureEngine", files: list[Micrograph]) -> list[Micrograph]:
    """Give the first few micrographs that can be used, and warn when particles look bright."""
    usable: list[Micrograph] = []
    suspects: list[Micrograph] = []
    reasons: list[str] = []
    for micrograph in files:
        try:
            if engine.looks_inverted(micrograph):
                suspects.append(micrograph)
        except ActivepickError as error:
            if len(files) == 1:
                raise
            reasons.append(str(error))  # reported when its turn comes
            continue
        usable.append(micrograph)
        if len(usable) == _LOOK_AT:
            break
    if not usable:
        raise SettingsError("\n".join(["None of the micrographs can be used:", *reasons]))
    if 2 * len(suspects) > len(usable):
        say(f"warning: {inverted_warning(suspects[0])}")
    return usable


class _Target:
    """Where the picks go: one file for all of them, or a folder with a file for each."""

    def __init__(
        self,
        out: Path,
        format: str | None,
        micrographs: list[Micrograph],
        diameter: float,
        wanted: dict[str, Any],
    ) -> None:
        self._out = out
        self._diameter = diameter
        self._tables: list[pd.DataFrame] = []
        self._written: list[str] = []
        self._names = {m.path.as_posix(): m for m in micrographs}
        if format is not None and format not in FORMATS:
            raise SettingsError(f"--format {format}: use one of {', '.join(FORMATS)}.")
        relion_version(wanted["version"], "--relion")
        folder = out.is_dir() or not out.suffix
        self._format = choose_format(out, format or ("star" if folder else None), sniff=False)
        if self._format.name == "cs" and wanted["exposures"] is None:
            raise SettingsError("--format cs: name the exposures, --exposures FILE.cs.")
        options = {k: v for k, v in wanted.items() if k in self._format.options and v is not None}
        self._options: dict[str, Any] = options
        self._folder = (
            PickFolder(out, self._format.name, self._names, **options) if folder else None
        )
        if self._folder is None and self._format.one_micrograph and len(micrographs) > 1:
            raise SettingsError(
                f"--out {out}: a file of {self._format.title} holds one micrograph; give a folder."
            )

    def add(self, micrograph: Micrograph, picks: pd.DataFrame) -> None:
        """Take the picks of a micrograph; in a folder they are written at once."""
        if "box_size" in self._format.options and "box_size" not in self._options:
            side = round(2 * micrograph.radius_px(self._diameter))
            picks = picks.assign(**dict.fromkeys(BOX_COLUMNS, max(1, side)))
        if self._folder is None:
            self._tables.append(picks)
            return
        name = micrograph.path.as_posix()
        self._folder.write(name, picks)
        self._written.append(name)

    def finish(self) -> None:
        """Write the one file, or for RELION the list of the files in the folder."""
        if self._folder is not None:
            self._folder.write_index(self._written)
            return
        tables = [table for table in self._tables if len(table)] or self._tables[:1]
        sizes = {m.pixel_size_angstrom for m in self._used()}
        if "pixel_size_angstrom" in self._format.options and len(sizes) == 1:
            self._options["pixel_size_angstrom"] = sizes.pop()
        write_table(
            pd.concat(tables, ignore_index=True), self._out, self._format.name, **self._options
        )

    def _used(self) -> list[Micrograph]:
        names = {name for table in self._tables for name in table["micrograph"].unique()}
        return [m for name, m in self._names.items() if name in names]
