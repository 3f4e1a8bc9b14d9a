"""The methods that are compared."""

from collections.abc import Callable
from dataclasses import dataclass, field

from activepick.features.orientations import DEFAULT_ORIENTATIONS
from activepick.learning.fit import HeadFit
from activepick.learning.learner import LearnerSettings
from activepick.learning.strategies.registry import Strategy

__all__ = ["METHODS", "Method"]

# Working pixel of the published method, in Å.
_PAPER_PIXEL = 7.84


@dataclass(frozen=True)
class Method:
    """How features are made, questions chosen and answers learnt.

    Attributes
    ----------
    summary
        One line for the help text.
    strategy
        A name in `STRATEGIES`, or a strategy of your own; None for a
        method without questions.
    settings
        How labels become a head.
    stride
        Output stride of the feature extractor.
    working_radius
        Gives the working radius in pixels for a diameter in Å; None lets the images decide and
        looks at two scales side by side.
    supervised
        Learn from all true particles of the training micrographs at once.
    orientations
        From how many sides the coarsest of several scales is looked at.
    mixed_scales
        Let the labels move the pretrained classifier between the scales at a low price.
    simulated
        Let them follow the ways in which simulated proteins differ.
    """

    summary: str
    strategy: str | Strategy | None = None
    settings: LearnerSettings = field(default_factory=LearnerSettings)
    stride: int = 4
    working_radius: Callable[[float], float] | None = None
    supervised: bool = False
    orientations: int = DEFAULT_ORIENTATIONS
    mixed_scales: bool = False
    simulated: bool = True


_PAPER = LearnerSettings(
    fit=HeadFit(
        l2=1.0, towards="zero", start="zero", pi=0.01, pi_weight=1.0, caution=0.0, solver="bfgs"
    )
)

METHODS: dict[str, Method] = {
    "topaz": Method("the pretrained detector of Topaz at the best of our scales, never trained"),
    "active": Method("the default: uncertain peaks of the score map, spread", "active"),
    "uncertain": Method("uncertain peaks of the score map, not spread", "uncertain"),
    "badge": Method("BADGE: uncertain peaks, spread over gradients", "badge"),
    "typical": Method("TypiClust: typical peaks of what has no label yet", "typical"),
    "typical-first": Method("ten typical peaks first, then as active", "typical-first"),
    "information": Method("BALD: peaks whose answers tell most about the head", "information"),
    "mean-model": Method(
        "Wang et al. 2022: where head and mean disagree; the mean as regulariser",
        "mean-model",
        LearnerSettings(consistency=5.0, consistency_unlabelled=5.0),
    ),
    "mean-queries": Method("where head and mean disagree, no regulariser", "mean-model"),
    "range": Method("peaks over the whole range of scores", "range"),
    "mixed": Method("as active, every fifth question over the range of scores", "mixed"),
    "one-side": Method("as active, all scales from one side only", "active", orientations=1),
    "eight-sides": Method(
        "as active, the coarse scale from eight sides instead of four", "active", orientations=8
    ),
    "plain": Method(
        "as active, without the directions of simulated proteins", "active", simulated=False
    ),
    "bold": Method(
        "as active, the first labels move the head as much as later ones",
        "active",
        LearnerSettings(fit=HeadFit(caution=0.0)),
    ),
    "scale-mixture": Method(
        "as plain, with a prior that mixes the classifiers of the scales",
        "active",
        LearnerSettings(fit=HeadFit(besides_l2=7.0)),
        mixed_scales=True,
    ),
    "top": Method("the best picks so far", "top"),
    "random": Method("random positions", "random"),
    "paper": Method(
        "Kiewisz and Bepler 2023: one scale of 7.84 Å, dense, zero start, entropy peaks",
        "entropy",
        _PAPER,
        stride=1,
        orientations=1,
        working_radius=lambda diameter_angstrom: diameter_angstrom / 2 / _PAPER_PIXEL,
    ),
    "supervised": Method("all particles of the training micrographs: the ceiling", supervised=True),
}
