"""What decides about picks: the head that was named, and the network that it was made for."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from activepick.cli.console import say
from activepick.cli.inputs import LOOK_AT, inverted_warning, make_engine
from activepick.errors import ActivepickError, SettingsError
from activepick.micrograph import Micrograph

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.learning.head import Head

__all__ = ["Decision", "decide"]


@dataclass(frozen=True)
class Decision:
    """What was typed about it; None is left to the head or to the images."""

    head: str
    diameter_angstrom: float
    working_radius: float | None
    model: str | None
    trust_model: bool
    device: str
    precision: str
    normalisation: str | None

    def engine(self, head: "Head | None" = None) -> "FeatureEngine":
        """Load the network, as a head needs it."""
        from activepick.features.orientations import DEFAULT_ORIENTATIONS

        spec = None if head is None else head.spec
        return make_engine(
            self.diameter_angstrom,
            model=self.model or ("resnet16_u64" if spec is None else spec.backbone),
            trust_model=self.trust_model,
            device=self.device,
            precision=self.precision,
            normalisation=self.normalisation or ("affine" if spec is None else spec.normalisation),
            stride=4 if spec is None else spec.stride,
            orientations=DEFAULT_ORIENTATIONS if spec is None else spec.orientations,
        )


def decide(
    asked: Decision, files: list[Micrograph], settled: "Head | None" = None
) -> "tuple[FeatureEngine, Head]":
    """Load what decides, and the network that it was made for.

    Parameters
    ----------
    asked
        What was typed.
    files
        The micrographs; the first few show scale and polarity where that is open.
    settled
        The head of the run that is continued, which is not chosen again.

    Raises
    ------
    ActivepickError
        When head and network do not fit, or no micrograph can be used.
    """
    if settled is not None:
        engine = asked.engine(settled)
        settled.require(engine.spec(settled.spec.working_radii))
        return engine, settled
    if asked.head != "topaz":
        from activepick.learning.head_file import load_head

        if asked.working_radius is not None:
            raise SettingsError("--working-radius: a saved head brings its own working radii.")
        saved = load_head(Path(asked.head))
        engine = asked.engine(saved)
        usable = _usable(engine, files)
        if saved.notes.get("generic"):  # it suits any protein at the scale that suits the protein
            from activepick.learning.initial_head import starting_head

            return engine, starting_head(engine, usable, saved)
        saved.require(engine.spec(saved.spec.working_radii))
        return engine, saved
    from activepick.learning.head import pretrained_head

    engine = asked.engine()
    usable = _usable(engine, files)
    radius = asked.working_radius
    radius = engine.best_radius(usable) if radius is None else radius
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
        if len(usable) == LOOK_AT:
            break
    if not usable:
        raise SettingsError("\n".join(["None of the micrographs can be used:", *reasons]))
    if 2 * len(suspects) > len(usable):
        say(f"warning: {inverted_warning(suspects[0])}")
    return usable
