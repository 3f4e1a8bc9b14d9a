"""Load the network and the head for a command."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from activepick.cli.console import say
from activepick.errors import ActivepickError, SettingsError, on_command_line
from activepick.features.scale_search import spread_out
from activepick.features.scales import LADDER, POLARITY_RADIUS
from activepick.imports import importing
from activepick.micrograph import Micrograph, Normalisation

if TYPE_CHECKING:
    from activepick.features.cache import FeatureCache
    from activepick.features.engine import FeatureEngine
    from activepick.learning.head import Head

__all__ = ["HeadOptions", "load_engine_and_head", "make_engine"]

# Number of micrographs whose polarity is checked.
_CHECKED = 3


@dataclass(frozen=True)
class HeadOptions:
    """Options for head and network; None is determined from the head or the micrographs."""

    head: str
    diameter_angstrom: float
    working_radius: float | None
    model: str | None
    trust_model: bool
    device: str
    precision: str
    normalisation: str | None

    def engine(self, head: "Head | None" = None) -> "FeatureEngine":
        """Load the network, with the settings of a head."""
        spec = None if head is None else head.spec
        return make_engine(
            self.diameter_angstrom,
            model=self.model or ("resnet16_u64" if spec is None else spec.backbone),
            trust_model=self.trust_model,
            device=self.device,
            precision=self.precision,
            normalisation=self.normalisation or ("affine" if spec is None else spec.normalisation),
            stride=4 if spec is None else spec.stride,
            orientations=None if spec is None else spec.orientations,
        )


def make_engine(
    diameter_angstrom: float,
    *,
    model: str,
    trust_model: bool,
    device: str,
    precision: str,
    normalisation: str,
    stride: int = 4,
    cache: "FeatureCache | None" = None,
    orientations: int | None = None,
) -> "FeatureEngine":
    """Load a network on its device.

    Raises
    ------
    SettingsError, BackboneError
        If an option is unknown, or the network cannot be loaded.
    """
    if normalisation not in get_args(Normalisation):
        raise SettingsError(f"--normalise {normalisation}: use affine or gmm.")
    with importing():
        from activepick.features.backbone import load_backbone
        from activepick.features.device import missing_gpu_notice
        from activepick.features.engine import FeatureEngine
        from activepick.features.extractor import Extractor
        from activepick.features.orientations import DEFAULT_ORIENTATIONS

    backbone = load_backbone(model, trust_pickle=trust_model)
    extractor = Extractor(backbone, stride=stride, device=device, precision=precision)
    notice = missing_gpu_notice(extractor.device)
    if notice is not None and device == "auto":
        say(f"note: {notice}")
    return FeatureEngine(
        extractor,
        diameter_angstrom,
        cast(Normalisation, normalisation),
        cache,
        orientations or DEFAULT_ORIENTATIONS,
    )


def load_engine_and_head(
    options: HeadOptions, micrographs: Sequence[Micrograph], continued: "Head | None" = None
) -> "tuple[FeatureEngine, Head]":
    """Load a head and its network.

    Parameters
    ----------
    options
        The options of the command line.
    micrographs
        The micrographs, from which the working scale is chosen if options and head do not determine
        it. One of them is read while PyTorch is imported; see `Micrograph.read_early`.
    continued
        The head of the run that is continued, which is used without changes.

    Raises
    ------
    ActivepickError
        If head and network do not match, or no micrograph can be used.
    """
    spread = spread_out(micrographs, lambda micrograph: micrograph.path)
    if continued is not None:
        _read_early(micrographs[0], options, continued, continued.used_radii)
        engine = options.engine(continued)
        continued.require(engine.spec(continued.spec.working_radii))
        return engine, continued
    if options.head != "topaz":
        from activepick.learning.head_file import load_head

        if options.working_radius is not None:
            raise SettingsError(
                "--working-radius cannot be used with a saved head, which has its own."
            )
        saved = load_head(Path(options.head))
        # A generic head can be used at the scale that suits the protein.
        is_generic = bool(saved.notes.get("generic"))
        _read_early(spread[0], options, saved, LADDER if is_generic else saved.used_radii)
        engine = options.engine(saved)
        usable = _usable(engine, spread)
        if is_generic:
            from activepick.learning.initial_head import starting_head

            return engine, starting_head(engine, usable, saved)
        saved.require(engine.spec(saved.spec.working_radii))
        return engine, saved
    from activepick.learning.head import pretrained_head

    radius = options.working_radius
    _read_early(spread[0], options, None, LADDER if radius is None else (radius,))
    engine = options.engine()
    usable = _usable(engine, spread)
    if radius is None:
        radius = engine.best_radius(usable)
        say(
            f"working radius {radius:g} px, chosen from these micrographs; the number of picks "
            f"depends on it (pass --working-radius {radius:g} to use it for others)"
        )
    backbone = engine.extractor.backbone
    return engine, pretrained_head(engine.spec((radius,)), backbone.weights, backbone.bias, radius)


def _read_early(
    micrograph: Micrograph, options: HeadOptions, head: "Head | None", radii: Sequence[float]
) -> None:
    """Begin to read a micrograph while PyTorch is imported, which takes one second."""
    if options.device in ("auto", "cpu"):  # a GPU resamples the images itself
        used = options.normalisation or ("affine" if head is None else head.spec.normalisation)
        radii = (POLARITY_RADIUS, *radii)
        micrograph.read_early(options.diameter_angstrom, radii, cast(Normalisation, used))


def _usable(engine: "FeatureEngine", micrographs: Sequence[Micrograph]) -> list[Micrograph]:
    """Return the micrographs without those that cannot be used, and warn if particles look bright.

    The polarity is that of most of the first three that can be read. Micrographs that are not
    needed to determine it are not tested. At least one of the result can be read.

    Parameters
    ----------
    engine
        The network.
    micrographs
        The micrographs in the order of `spread_out`.

    Raises
    ------
    ActivepickError
        If no micrograph can be used.
    """
    checked: list[Micrograph] = []
    suspects: list[Micrograph] = []
    reasons: list[str] = []
    waiting = list(micrographs)
    while waiting and len(checked) < _CHECKED:
        others = min(len(waiting), _CHECKED - len(checked))
        majority = 2 * len(suspects) - len(checked)
        if checked and (majority > others or majority <= -others):
            break  # whatever the others look like
        micrograph = waiting.pop(0)
        try:
            if engine.looks_inverted(micrograph):
                suspects.append(micrograph)
        except ActivepickError as error:
            if len(micrographs) == 1:
                raise
            reasons.append(on_command_line(error))  # also reported when the micrograph is picked
            continue
        checked.append(micrograph)
    if not checked:
        raise SettingsError("\n".join(["None of the micrographs can be used:", *reasons]))
    if 2 * len(suspects) > len(checked):
        say(f"warning: {_inverted_warning(suspects[0])}")
    return checked + waiting


def _inverted_warning(micrograph: Micrograph) -> str:
    """Return a warning that particles seem to have the other polarity, and what to do."""
    seem, remedy = ("dark", "leave out") if micrograph.inverted else ("bright", "pass")
    return (
        f"{micrograph.path}: the particles look {seem}; {remedy} --invert if they are, otherwise "
        "check the diameter and the pixel size."
    )
