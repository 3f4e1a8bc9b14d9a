"""`activepick simulate`."""

from pathlib import Path
from typing import Annotated

import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, progress_bar
from activepick.wording import counted

__all__ = ["simulate"]


def simulate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to.")],
    micrographs: Annotated[int, typer.Option(help="Number of micrographs.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same micrographs.")] = 0,
    protein: Annotated[
        str,
        typer.Option(
            help="barrel, cage, globule, trefoil or duplex, or random-N with any number. Several, "
            "separated by commas, give a mixture; truth.star has the number of each particle's "
            "protein."
        ),
    ] = "barrel",
    json: a.Json = False,
) -> None:
    """Simulate micrographs with known particles: MRC files, truth.star and simulation.json."""
    from activepick.simulate import simulate_dataset

    with progress_bar(micrographs) as bar:

        def progress(done: int, count: int) -> None:
            bar.step(f"micrograph {min(done + 1, count)} of {count}")
            if done:
                bar.done()

        first, *mixture = (name.strip() for name in protein.split(","))
        data = simulate_dataset(
            folder, micrographs, seed, protein=first, mixture=mixture, progress=progress
        )
    if json:
        print_json(
            {
                "micrographs": [str(path) for path in data.micrographs],
                "truth": str(data.truth),
                "particles": data.particles,
                "diameter_angstrom": data.diameter_angstrom,
                "pixel_size_angstrom": data.pixel_size_angstrom,
            }
        )
    else:
        print(
            f"{counted(len(data.micrographs), 'micrograph')} with "
            f"{counted(data.particles, 'particle')} of "
            f"{data.diameter_angstrom:g} Å at {data.pixel_size_angstrom:g} Å per pixel: {folder}"
        )
