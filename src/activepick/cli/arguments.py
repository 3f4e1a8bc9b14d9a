"""Arguments and options that several commands share, with one help text each."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from activepick.formats import FORMATS
from activepick.formats.relion_star_writer import VERSIONS

__all__ = [
    "BoxSize",
    "Device",
    "Diameter",
    "Invert",
    "Json",
    "Kinds",
    "Micrographs",
    "Model",
    "Normalise",
    "OutputPath",
    "Outside",
    "Overwrite",
    "PixelSize",
    "Precision",
    "ReadAs",
    "Recursive",
    "Relion",
    "TrustModel",
    "output_path",
]


@dataclass(frozen=True)
class OutputPath:
    """A file or folder to write to, as given on the command line.

    Attributes
    ----------
    path
        The path.
    is_folder
        Whether it is a folder: it exists as one, the path ends in a slash, or its name has no
        extension.
    """

    path: Path
    is_folder: bool

    def __str__(self) -> str:
        return str(self.path)


def output_path(text: str) -> OutputPath:
    """Return the file or folder of a text; a slash at its end marks a folder."""
    path = Path(text)
    separators = tuple({"/", os.sep, os.altsep or "/"})
    return OutputPath(path, text.endswith(separators) or path.is_dir() or not path.suffix)


Micrographs = Annotated[
    list[Path],
    typer.Argument(
        metavar="MICROGRAPH...",
        help="Motion-corrected micrographs (MRC, TIFF, PNG, JPEG), folders of them, RELION's "
        "micrographs.star, cryoSPARC's exposures (.cs), or text files with a name on each line.",
        show_default=False,
    ),
]
Kinds = Annotated[
    str | None,
    typer.Option(
        "--kinds",
        metavar="COLUMN",
        help="Column with the kind of each particle, such as class or rlnClassNumber; by default "
        "the column class if there is one.",
        show_default=False,
    ),
]
Recursive = Annotated[bool, typer.Option("--recursive", help="Search subfolders as well.")]
Diameter = Annotated[
    float, typer.Option("--diameter", help="Particle diameter in Å.", show_default=False)
]
PixelSize = Annotated[
    float | None,
    typer.Option(
        "--pixel-size",
        help="Pixel size in Å; needed if the files do not contain it.",
        show_default=False,
    ),
]
Invert = Annotated[
    bool, typer.Option("--invert", help="Particles are bright on a dark background.")
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="Feature extractor: resnet16_u64, resnet16_u32, resnet8_u64, resnet8_u32, or the file "
        "of a Topaz model.",
    ),
]
TrustModel = Annotated[
    bool,
    typer.Option(
        "--trust-model",
        help="Allow a pickled model file. It can run any code: use only files that you trust.",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cuda, mps or cpu.")]
Precision = Annotated[str, typer.Option("--precision", help="auto, bfloat16, float16 or float32.")]
Normalise = Annotated[
    str,
    typer.Option(
        "--normalise",
        help="Normalisation of grey values: affine (mean and standard deviation) or gmm (Topaz's "
        "mixture of two Gaussians).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write the result to stdout as JSON.")]
ReadAs = Annotated[
    str | None,
    typer.Option("--from", help=f"{', '.join(FORMATS)}; by default detected from the file."),
]
Relion = Annotated[
    str,
    typer.Option("--relion", help=f"Version of RELION for STAR files: {', '.join(VERSIONS)}."),
]
BoxSize = Annotated[
    float | None, typer.Option("--box-size", help="Side of boxes in pixels, for .box and .cbox.")
]
Outside = Annotated[
    str,
    typer.Option("--outside", help="Positions outside of their micrographs: drop or error."),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Remove files of an earlier run that this run does not replace.",
    ),
]
