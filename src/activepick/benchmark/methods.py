"""The methods that are compared in benchmarks."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from activepick.features.scales import FINE_RATIO
from activepick.learning.fit import HeadFit
from activepick.learning.settings import LearnerSettings
from activepick.learning.strategies.registry import STRATEGIES, Strategy

__all__ = ["METHODS", "Method"]

# Working pixel of the published method, in Å.
_PAPER_PIXEL = 7.84


@dataclass(frozen=True)
class Method:
    """A method for a benchmark: computation of features, choice of queries and training.

    Attributes
    ----------
    summary
        Description in one line.
    strategy
        A name in `STRATEGIES`, or a `Strategy`; None for a method without queries.
    settings
        Settings with which a head is fitted to labels.
    stride
        Output stride of the feature extractor.
    working_radius
        Returns the working radius in working pixels for a diameter in Å; None to choose it from
        the images and use the scales of `fine_ratio`.
    supervised
        Whether to learn from all true particles of the training micrographs at once.
    orientations
        Number of orientations over which features are averaged; None for the default.
    fine_ratio
        Ratio of the working radius of the fine scale to that of the coarse one; None for one scale.
    scale_mixture
        Whether to use a prior that is wide along the pretrained classifier on each scale.
    simulated_prior
        Whether to use the prior from simulated proteins.
    by_patch
        Whether patches are reviewed (`activepick.learning.patches`) instead of queries.
    """

    summary: str
    strategy: str | Strategy | None = None
    settings: LearnerSettings = field(default_factory=LearnerSettings)
    stride: int = 4
    working_radius: Callable[[float], float] | None = None
    supervised: bool = False
    orientations: int | None = None
    fine_ratio: float | None = FINE_RATIO
    scale_mixture: bool = False
    simulated_prior: bool = True
    by_patch: bool = False


_PAPER = LearnerSettings(
    fit=HeadFit(
        l2=1.0, towards="zero", start="zero", pi=0.01, pi_weight=1.0, caution=0.0, solver="bfgs"
    )
)

# Each query strategy with the default settings, and methods with other settings.
METHODS: dict[str, Method] = {
    "topaz": Method("the pretrained detector of Topaz at the best scale, without training"),
    **{name: Method(strategy.summary, name) for name, strategy in STRATEGIES.items()},
    "patch": Method(
        "review by patch: the picks in a square of four diameters are corrected, one click for "
        "each correction and one that confirms",
        by_patch=True,
    ),
    "mean-model": Method(
        "Wang et al. 2022: as mean-queries, and the mean as regulariser",
        "mean-queries",
        LearnerSettings(consistency=5.0, consistency_unlabelled=5.0),
    ),
    "mean-model-logits": Method(
        "as mean-model, with the squared error of logits in the place of the cross entropy",
        "mean-queries",
        LearnerSettings(consistency=5.0, consistency_unlabelled=5.0, consistency_loss="logits"),
    ),
    "one-orientation": Method("as active, in one orientation only", "active", orientations=1),
    "eight-orientations": Method(
        "as active, features averaged over eight orientations", "active", orientations=8
    ),
    "plain": Method(
        "as active, without the prior from simulated proteins", "active", simulated_prior=False
    ),
    "bold": Method(
        "as active, without caution with the first labels",
        "active",
        LearnerSettings(fit=HeadFit(caution=0.0)),
    ),
    "scale-mixture": Method(
        "as plain, with a prior along the classifier on each scale",
        "active",
        # The weight of a direction is that of the default prior.
        LearnerSettings(fit=HeadFit(directions_l2=5.0 / 2.0)),
        scale_mixture=True,
    ),
    "paper": Method(
        "Kiewisz and Bepler 2023: one scale of 7.84 Å, dense, zero start, maxima of the entropy",
        "entropy",
        _PAPER,
        stride=1,
        orientations=1,
        working_radius=lambda diameter_angstrom: diameter_angstrom / 2 / _PAPER_PIXEL,
    ),
    "paper-scaled": Method(
        "as paper, but at the scale chosen from the images and starting from the pretrained head",
        "entropy",
        LearnerSettings(fit=replace(_PAPER.fit, start="pretrained")),
        stride=1,
        orientations=1,
        fine_ratio=None,
        simulated_prior=False,
    ),
    "supervised": Method(
        "all particles of the training micrographs: the upper limit", supervised=True
    ),
}
