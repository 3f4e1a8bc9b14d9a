"""`activepick heads`."""

from pathlib import Path
from typing import Annotated

import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, say
from activepick.wording import counted

__all__ = ["heads"]

heads = typer.Typer(
    name="heads",
    help="Work with saved heads.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@heads.callback()
def _group() -> None:
    """Work with saved heads."""


@heads.command(short_help="Combine the heads of several datasets into a generic head.")
def combine(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="HEAD...", help="Saved heads of different datasets.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The generic head to write (.safetensors).", show_default=False)
    ],
    tie: Annotated[
        float, typer.Option(help="Strength of the prior by which the heads share information.")
    ] = 15.0,
    json: a.Json = False,
) -> None:
    """Combine the heads of several datasets into a generic head.

    A generic head picks a new dataset without labels (`activepick pick --head`), and training with
    the first labels can start from it (`activepick train --base`). Heads of `activepick train`
    contain their training set, and are fitted again together.
    """
    from dataclasses import replace

    import numpy as np

    from activepick.features.backbone import load_backbone
    from activepick.learning.combine import combine as combine_heads
    from activepick.learning.head_file import load_head, save_head

    loaded = [load_head(path) for path in files]
    backbone = load_backbone(loaded[0].spec.backbone)
    weights = np.zeros_like(loaded[0].weights)
    weights[0] = backbone.weights
    first = replace(loaded[0], weights=weights, bias=backbone.bias, training_data=None, mean=None)
    generic = combine_heads(loaded, first, tie=tie).generic
    save_head(replace(generic, diameter_angstrom=None), out)
    fixed = [
        str(path) for path, head in zip(files, loaded, strict=True) if head.training_data is None
    ]
    if fixed:
        say(
            f"note: heads without a training set are used without a new fit: {', '.join(fixed)}; "
            "activepick train writes heads with a training set"
        )
    if json:
        print_json(
            {"out": str(out), "heads": len(loaded), "labels": generic.particles + generic.others}
        )
    else:
        print(f"the generic head of {counted(len(loaded), 'head')}: {out}")
