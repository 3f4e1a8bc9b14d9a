"""`activepick pick`."""

from pathlib import Path
from typing import Annotated

import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json
from activepick.cli.loading import HeadOptions
from activepick.cli.picking_run import (
    ClusterOptions,
    MicrographOptions,
    PickingRun,
    ResourceOptions,
    WatchOptions,
)
from activepick.errors import SettingsError
from activepick.formats import FORMATS
from activepick.formats.scores import score_threshold
from activepick.picking.rules import DEFAULT_EDGE_MARGIN, DEFAULT_THRESHOLD, PickRules
from activepick.scoremap import DEFAULT_SEPARATION
from activepick.wording import counted

__all__ = ["pick"]


def pick(
    micrographs: a.Micrographs,
    diameter: a.Diameter,
    out: Annotated[
        a.OutputPath,
        typer.Option(
            parser=a.output_path,
            metavar="PATH",
            help="A file for all picks (.star, .csv, .txt, .cs), or a folder for one file for each "
            "micrograph. A slash at the end marks a folder.",
            show_default=False,
        ),
    ],
    pixel_size: a.PixelSize = None,
    recursive: a.Recursive = False,
    head: Annotated[
        str, typer.Option(help="A saved head, or topaz for Topaz's pretrained detector.")
    ] = "topaz",
    threshold: Annotated[float, typer.Option(help="Lowest probability of a pick.")] = (
        DEFAULT_THRESHOLD
    ),
    kind_threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=P",
            help="Lowest probability of a pick of one kind of particle of the head, such as "
            "ribosome=0.7. Can be given several times.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(FORMATS)}; by default that of the file name, star for folders.",
            show_default=False,
        ),
    ] = None,
    relion: a.Relion = "5",
    box_size: Annotated[
        float | None,
        typer.Option(
            help="Side of boxes in pixels, for box and cbox; by default the particle diameter.",
            show_default=False,
        ),
    ] = None,
    exposures: Annotated[
        Path | None,
        typer.Option(help="cryoSPARC's exposures (.cs), for the format cs.", show_default=False),
    ] = None,
    min_distance: Annotated[
        float, typer.Option(help="Smallest distance between two picks, in particle radii.")
    ] = DEFAULT_SEPARATION,
    edge_margin: Annotated[
        float,
        typer.Option(help="Leave out picks within this distance of the border, in particle radii."),
    ] = DEFAULT_EDGE_MARGIN,
    working_radius: Annotated[
        float | None,
        typer.Option(
            help="Particle radius in pixels of the working image, the input of the network. By "
            "default it is chosen from the micrographs (--head topaz), or that of the head.",
            show_default=False,
        ),
    ] = None,
    invert: a.Invert = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Feature extractor, as in activepick train; by default resnet16_u64, or that of "
            "the head.",
            show_default=False,
        ),
    ] = None,
    trust_model: a.TrustModel = False,
    device: a.Device = "auto",
    precision: a.Precision = "auto",
    normalise: Annotated[
        str | None,
        typer.Option(
            help="Normalisation of grey values: affine (mean and standard deviation) or gmm "
            "(Topaz's mixture of two Gaussians); by default affine, or that of the head.",
            show_default=False,
        ),
    ] = None,
    orientations: Annotated[
        int | None,
        typer.Option(
            help="Number of orientations of the image over which features are averaged: 1, 2, 4 or "
            "8. By default as in training.",
            show_default=False,
        ),
    ] = None,
    gpu_memory: Annotated[
        float | None,
        typer.Option(
            help="Memory of the GPU to use, in GiB; by default half of the free memory.",
            show_default=False,
        ),
    ] = None,
    readers: Annotated[
        int | None,
        typer.Option(
            help="Number of micrographs to read at the same time; by default 1 when picking on a "
            "CPU, up to 8 with a GPU.",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Pick all micrographs again, including those of an earlier run."
        ),
    ] = False,
    overwrite: a.Overwrite = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Wait for new micrographs, and pick them."),
    ] = False,
    stop_after: Annotated[
        float | None,
        typer.Option(
            help="With --watch: end after this number of seconds without a new micrograph.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        float, typer.Option(help="With --watch: seconds between two searches for new micrographs.")
    ] = 5.0,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Pick on the Dask cluster with this address, such as tcp://node:8786.",
            show_default=False,
        ),
    ] = None,
    slurm: Annotated[
        bool,
        typer.Option(
            "--slurm",
            help="Pick on workers that are started by Slurm, as configured for dask-jobqueue.",
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(help="With --slurm: number of jobs.")] = 1,
    chunk: Annotated[int, typer.Option(help="On a cluster: number of micrographs in a task.")] = 4,
    patience: Annotated[
        float,
        typer.Option(help="Longest time for reading a micrograph in seconds, for disks that hang."),
    ] = 600.0,
    json: a.Json = False,
) -> None:
    """Pick particles in micrographs and write them as a table of positions and scores.

    Positions are particle centres in pixels of the original micrographs. Micrographs are named by
    the paths that are given, or as in the list: run the command in the folder of the RELION project
    to get RELION's names. A micrograph that cannot be used is left out and listed in
    OUT.run/failed.csv, and the exit status is 2. If the same command is run again, only new or
    changed micrographs are picked. The head and the settings are recorded in OUT.run.
    """
    for option, value in (("--min-distance", min_distance), ("--edge-margin", edge_margin)):
        if not value >= 0:
            raise SettingsError(f"{option} {value:g}: give 0 or more particle radii.")
    rules = PickRules(threshold, min_distance, edge_margin)
    for option, value in (
        ("--every", every),
        ("--chunk", chunk),
        ("--patience", patience),
        ("--readers", 1 if readers is None else readers),
        ("--gpu-memory", 1.0 if gpu_memory is None else gpu_memory),
    ):
        if not value > 0:
            raise SettingsError(f"{option} {value:g}: give a number above 0.")
    if orientations not in (None, 1, 2, 4, 8):
        raise SettingsError(f"--orientations {orientations}: use 1, 2, 4 or 8.")
    run = PickingRun(
        HeadOptions(
            head, diameter, working_radius, model, trust_model, device, precision, normalise
        ),
        out,
        format,
        {"version": relion, "box_size": box_size, "exposures": exposures},
        rules,
        ResourceOptions(orientations, patience, readers, gpu_memory),
        ClusterOptions(scheduler, slurm, jobs, chunk) if slurm or scheduler is not None else None,
        overwrite=overwrite,
        kind_thresholds=_kind_thresholds(kind_threshold or []),
    )
    asked = MicrographOptions(micrographs, pixel_size, invert, recursive)
    summary = run(asked, fresh, WatchOptions(watch, every, stop_after))
    picked = sum(summary.picks.values())
    if json:
        print_json(
            {
                "out": str(out),
                "picks": picked,
                "micrographs": summary.picks,
                "expected_precision": summary.expected_precision,
                "failed": summary.failed,
                "kept": summary.kept,
                "working_radii_px": run.working_radii,
                "record": str(run.record_folder),
            }
        )
    else:
        failed = f" ({len(summary.failed)} left out)" if summary.failed else ""
        kept = f" ({summary.kept} picked before)" if summary.kept else ""
        found = f"{counted(picked, 'pick')} in {counted(len(summary.picks), 'micrograph')}"
        print(f"{found}{kept}{failed}: {out}")
    if summary.failed:
        raise typer.Exit(2)


def _kind_thresholds(texts: list[str]) -> dict[str, float]:
    """Return the threshold of each kind of particle by name, from texts such as NAME=0.7."""
    thresholds = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            thresholds[name] = float(number)
            score_threshold(thresholds[name])
        except ValueError:
            name = ""
        if not name:
            raise SettingsError(
                f"--kind-threshold {text}: give a name and a probability, such as ribosome=0.7."
            )
    return thresholds
