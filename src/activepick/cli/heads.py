"""`activepick heads`."""

from pathlib import Path
from typing import Annotated

import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, say

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


@heads.command()
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
    tie: Annotated[float, typer.Option(help="How much the heads are drawn to each other.")] = 15.0,
    json: a.Json = False,
) -> None:
    """Make the generic head of several datasets.

    It picks a new dataset without any label (`activepick pick --head`), and the first labels there
    are learnt on top of it (`activepick train --base`). Heads of `activepick train` carry what they
    learnt from, and are fitted anew together with it.
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
            f"note: {', '.join(fixed)} do not carry what they learnt from, and count as they are; "
            "activepick train writes heads that do"
        )
    if json:
        print_json(
            {"out": str(out), "heads": len(loaded), "labels": generic.particles + generic.others}
        )
    else:
        print(f"the generic head of {len(loaded)} heads: {out}")
