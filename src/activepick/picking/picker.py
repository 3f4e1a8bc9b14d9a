"""Pick micrographs with a head."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd
from numpy.typing import ArrayLike

from activepick.learning.head import Head
from activepick.micrograph import Micrograph, WorkingImage
from activepick.micrograph.contrast import CONTRAST_RADIUS_PX, ContrastMap, working_contrast
from activepick.picking.rules import LabelledPositions, PickRules, Picks, select_picks
from activepick.progress import Progress
from activepick.scoremap import Peaks, ScoreMap, find_peaks, merge_kinds

if TYPE_CHECKING:  # loads PyTorch
    from activepick.features.engine import FeatureEngine

__all__ = ["Picker", "ReadMicrograph", "pick_micrograph"]


@dataclass(frozen=True, eq=False)
class ReadMicrograph:
    """The working images of a micrograph at the scales of a head.

    Attributes
    ----------
    micrograph
        The file.
    key
        `Micrograph.content_key` when it was read, by which a later change is detected.
    images
        Working images, one for each scale whose weights are not all zero.
    contrast
        Local contrast; None if it is not needed.
    """

    micrograph: Micrograph
    key: str
    images: Sequence[WorkingImage]
    contrast: ContrastMap | None


@dataclass(frozen=True, eq=False)
class Picker:
    """Picks micrographs with a head, in two steps: one is read while another one is picked.

    Attributes
    ----------
    engine
        The network, with the particle diameter.
    head
        The head.
    rules
        The rules that select the picks.
    with_contrast
        Whether to compute the local contrast of each peak even if the rules do not need it.
    """

    engine: "FeatureEngine"
    head: Head
    rules: PickRules = field(default_factory=PickRules)
    with_contrast: bool = False

    def read(self, micrograph: Micrograph) -> ReadMicrograph:
        """Read a micrograph and resample it to the scales of the head.

        Raises
        ------
        ActivepickError
            If it cannot be used.
        """
        _ = micrograph.shape  # raises an error if the file is not a micrograph
        # Computed first: a file that changes while it is read is detected as changed later.
        key = micrograph.content_key()
        radii = self.head.used_radii
        wants_contrast = self.with_contrast or self.rules.need_contrast
        images = self.engine.working_images(
            micrograph, [*radii, *([CONTRAST_RADIUS_PX] if wants_contrast else [])]
        )
        contrast = working_contrast(images[-1]) if wants_contrast else None
        return ReadMicrograph(micrograph, key, images[: len(radii)], contrast)

    def score_map(self, read: ReadMicrograph, progress: Progress | None = None) -> ScoreMap:
        """Compute the score map of a micrograph; the arguments are those of `peaks`."""
        head, kinds = self.head, self.head.kinds
        images = read.micrograph, read.images, head.spec.working_radii
        if kinds is None:
            linear = self.engine.score_images(*images, head.weights, head.bias, progress)
        else:
            biases = kinds.bias.tolist()
            maps = self.engine.score_heads(*images, kinds.weights, biases, progress)
            linear = merge_kinds(maps, kinds.numbers)
        return head.calibration.score_map(linear)

    def peaks(self, read: ReadMicrograph, progress: Progress | None = None) -> Peaks:
        """Compute the peaks of a micrograph.

        Parameters
        ----------
        read
            The micrograph.
        progress
            Called with the fraction that is done; may raise an exception to cancel.

        Raises
        ------
        ActivepickError
            If the device has not enough memory.
        """
        scores = self.score_map(read, progress)
        return find_peaks(scores, None if read.contrast is None else read.contrast.at)

    def pick(
        self,
        read: ReadMicrograph,
        progress: Progress | None = None,
        labels: LabelledPositions | None = None,
        areas: Sequence[ArrayLike] = (),
        left_out: ArrayLike = (),
    ) -> Picks:
        """Pick the particles of a micrograph.

        Parameters
        ----------
        read, progress
            As in `peaks`.
        labels, areas, left_out
            As in `activepick.picking.rules.select_picks`.
        """
        return select_picks(self.peaks(read, progress), self.rules, labels, areas, left_out)


def pick_micrograph(
    engine: "FeatureEngine",
    head: Head,
    micrograph: Micrograph,
    rules: PickRules | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Pick the particles of a micrograph.

    Parameters
    ----------
    engine
        The network, with the particle diameter.
    head
        The head.
    micrograph
        The file.
    rules
        The rules that select the picks; by default the default rules.
    progress
        Called with the fraction that is done; may raise an exception to cancel.

    Returns
    -------
    DataFrame
        Columns ``micrograph, x, y, score``: positions in pixels of the micrograph, and logits in
        descending order. If the head has kinds of particles, also ``rlnClassNumber`` and ``class``.

    Raises
    ------
    ActivepickError
        If the micrograph cannot be read, or the head does not match the network.
    """
    head.require(engine.spec(head.spec.working_radii))
    picker = Picker(engine, head, rules or PickRules())
    kinds = None if head.kinds is None else head.kinds.name_of
    return picker.pick(picker.read(micrograph), progress).table(micrograph.name, kinds)
