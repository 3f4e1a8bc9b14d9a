"""Sort the picks of a session into classes, and use answers to classes as labels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import expit

from activepick.classes.crops import CropScale
from activepick.classes.directions import directions_digest
from activepick.classes.members import LABELS_PER_CLASS, label_weight, spread_members
from activepick.classes.result import ClassAverages
from activepick.errors import ActivepickError, SessionError
from activepick.progress import Progress, part_between, part_of
from activepick.scoremap import SAME_POSITION
from activepick.session import Session
from activepick.session.micrographs import open_micrograph
from activepick.session.model.settings import Settings
from activepick.session.model.state import MicrographEntry, Position, SessionState, Target
from activepick.workspace.class_store import (
    StoredClasses,
    class_id,
    load_classes,
    save_classes,
)
from activepick.workspace.features import FeatureSource
from activepick.workspace.peaks import MicrographPeaks, positions
from activepick.workspace.predictor import Predictor

if TYPE_CHECKING:  # the module loads PyTorch
    from activepick.classes.picks import MicrographPicks

__all__ = [
    "CROP_SIDE",
    "ClassSummary",
    "Classification",
    "ClassifiedPicks",
    "all_candidates",
    "micrograph_picks",
]

# Threshold of candidates, as a share of the threshold of picks.
_CANDIDATES = 0.4
# Side of a crop in pixels.
CROP_SIDE = 64
# Largest numbers of micrographs that are read and of picks that are averaged, so that averages
# appear within seconds; and number of picks on the micrographs for each pick that is averaged.
_MICROGRAPHS, _PICKS, _CHOICE = 24, 1500, 2.0
# If the number of classes is not given: mean number of members, and limits of the number.
_MEMBERS, _FEWEST, _MOST = 30, 4, 20
# Number of micrographs on which members are labelled: features must be computed on each of them.
_LABELLED_MICROGRAPHS = 4


@dataclass(frozen=True, eq=False)
class ClassifiedPicks:
    """Picks with their classes.

    Attributes
    ----------
    run
        Name of the classes, which stays the same while they are refined.
    averages
        Average of each class, (k, side, side).
    micrograph
        Number of the micrograph of each pick, (n,).
    xy
        Position x, y in original pixels, (n, 2).
    score
        Score (logit), (n,).
    radius_px
        Particle radius in original pixels, (n,).
    classes
        Class of each pick from 0, (n,).
    probability
        Probability of that class, (n,).
    crops
        Crop of each pick, (n, side, side), particles bright.
    """

    run: str
    averages: NDArray[np.float32]
    micrograph: NDArray[np.intp]
    xy: NDArray[np.float64]
    score: NDArray[np.float64]
    radius_px: NDArray[np.float64]
    classes: NDArray[np.intp]
    probability: NDArray[np.float32]
    crops: NDArray[np.float32]

    def class_id(self, number: int) -> str:
        """Return the `class_id` of a class: of its labels, and of its left-out members."""
        return class_id(self.run, number)

    def members(self, number: int) -> NDArray[np.intp]:
        """Return the rows of the members of a class, the most probable first."""
        rows = np.flatnonzero(self.classes == number)
        return rows[np.argsort(-self.probability[rows], kind="stable")]


@dataclass(frozen=True)
class ClassSummary:
    """Summary of a class for the user.

    Attributes
    ----------
    number
        Number of the class, from 0.
    size
        Number of members.
    probability
        Mean probability that a member is a particle; NaN without members.
    labelled, contradicted
        Number of members with a label, and of those among them that are labelled as non-particles.
    answer
        1 particles or the number of their kind, 0 not particles, -1 carbon or empty ice; None if
        the class was not answered.
    left_out
        Whether the members are left out of the picks.
    """

    number: int
    size: int
    probability: float
    labelled: int
    contradicted: int
    answer: Target
    left_out: bool


class Classification:
    """Computation of the classes of the picks of a session, and labels of their members.

    Parameters
    ----------
    source
        The session and its features.
    predictor
        Predictor with the peaks.
    """

    def __init__(self, source: FeatureSource, predictor: Predictor) -> None:
        self._source = source
        self._session = source.session
        self._predictor = predictor
        self._file = self._session.folder / "classes.npz"
        self._stored: StoredClasses | None = None

    def compute(
        self,
        progress: Progress | None = None,
        *,
        shown: int | None = None,
        count: int | None = None,
        candidates: bool = False,
        again: bool = False,
    ) -> ClassifiedPicks:
        """Average the picks by class; slow.

        The classes of the last call are refined, also after the session was opened again: each
        class keeps its number. The peaks of a sample of micrographs are used, whichever head found
        them and however they are labelled, including those that are left out of the picks.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise an exception to cancel.
        shown
            Number of a micrograph that is part of the sample.
        count
            Number of new classes; by default it follows from the number of picks.
        candidates
            Whether to include peaks below the threshold that may be particles. Many of them are
            junk, so that the head learns more from answers to their classes
            (benchmarks/class_answers.py).
        again
            Begin with new classes instead of refining the last ones.

        Raises
        ------
        SessionError
            If there are no picks.
        ActivepickError
            If no micrograph with picks can be read.
        """
        from activepick.classes.picks import MicrographPicks, average_picks

        state = self._session.state.with_(left_out={})
        if candidates:
            state = all_candidates(state)
        parts: list[MicrographPicks] = []
        numbers: list[NDArray[np.intp]] = []
        radii: list[NDArray[np.float64]] = []
        for number in self._sample(shown):
            peaks = self._predictor.stored_peaks(number)
            if peaks is None:
                continue
            part = micrograph_picks(self._session, peaks, np.flatnonzero(peaks.accepted(state)))
            if part is None:
                continue
            parts.append(part)
            numbers.append(np.full(len(part.xy), number, np.intp))
            radii.append(np.full(len(part.xy), peaks.peaks.radius_px))
        total = sum(len(part.xy) for part in parts)
        if not total:
            raise SessionError("There are no picks to average: open a micrograph, or pick all.")
        known = None if again else self.known
        found = average_picks(
            parts,
            CropScale(state.settings.diameter_angstrom, CROP_SIDE),
            count or int(np.clip(min(total, _PICKS) // _MEMBERS, _FEWEST, _MOST)),
            most=_PICKS,
            seed=state.settings.seed,
            start=None if known is None else known.start(),
            progress=progress,
        )
        averages: ClassAverages = found.averages
        rows = found.rows
        self._stored = StoredClasses(
            run=_name(averages.references) if known is None else known.run,
            settings=_crop_settings(state.settings),
            averages=averages.averages,
            references=averages.references,
            noise=averages.noise,
            descriptors=averages.descriptors,
        )
        self._save()
        return ClassifiedPicks(
            run=self._stored.run,
            averages=averages.averages,
            micrograph=np.concatenate(numbers)[rows],
            xy=np.concatenate([part.xy for part in parts])[rows],
            score=np.concatenate([part.score for part in parts])[rows],
            radius_px=np.concatenate(radii)[rows],
            classes=averages.classes,
            probability=averages.probability,
            crops=found.crops,
        )

    def sample(
        self, picks: ClassifiedPicks, number: int, progress: Progress | None = None
    ) -> list[Position]:
        """Choose the members of a class that are labelled when the class is answered; slow.

        They have no label of their own, and are spread over positions and over a few micrographs,
        preferably those whose features are known. The features of the others are computed.

        Parameters
        ----------
        picks
            The result of `compute`.
        number
            Number of the class.
        progress
            Called with the fraction done; may raise an exception to cancel.

        Returns
        -------
        list of (micrograph, x, y)
            Positions in original pixels; empty if all members have a label.
        """
        state, report = self._session.state, progress or (lambda fraction: None)
        own = picks.members(number)
        labelled = _labels_at(state, picks, own, without=picks.class_id(number))
        own = own[labelled < 0]
        setup = self._source.setup(part_between(report, 0.0, 0.2))
        entries = [
            state.micrographs[i]
            for i in dict.fromkeys(picks.micrograph[own].tolist())
            if state.is_used(i)
        ]
        known = {entry.id for entry in setup.features.store.held(entries)}
        size = {entry.id: int((picks.micrograph[own] == entry.id).sum()) for entry in entries}

        def preference(entry: MicrographEntry) -> tuple[bool, int]:
            return entry.id not in known, -size[entry.id]

        chosen: list[MicrographEntry] = []
        for entry in sorted(entries, key=preference):
            enough = sum(size[one.id] for one in chosen) >= LABELS_PER_CLASS
            if len(chosen) < _LABELLED_MICROGRAPHS and not (enough and entry.id not in known):
                chosen.append(entry)
        for k, entry in enumerate(chosen):
            setup.features.store.get(entry, part_of(part_between(report, 0.2, 1.0), k, len(chosen)))
        rows = own[np.isin(picks.micrograph[own], [entry.id for entry in chosen])]
        rows = rows[spread_members(picks.micrograph[rows], picks.xy[rows], picks.probability[rows])]
        return [
            (int(picks.micrograph[row]), float(picks.xy[row, 0]), float(picks.xy[row, 1]))
            for row in rows
        ]

    def answer(
        self, picks: ClassifiedPicks, number: int, target: Target, sample: Sequence[Position]
    ) -> list[int]:
        """Label a sample of the members of a class in one action, and return the new ids.

        Parameters
        ----------
        picks
            The result of `compute`.
        number
            Number of the class.
        target
            1 particles or the number of their kind, 0 not particles, -1 carbon or empty ice.
        sample
            The result of `sample`; empty to remove an earlier answer.
        """
        class_id, weight = picks.class_id(number), label_weight(len(sample))
        return self._session.labels.answer_class(class_id, sample, target, weight)

    def summaries(self, picks: ClassifiedPicks) -> list[ClassSummary]:
        """Return a summary of each class for the current labels, in the order of their numbers."""
        state = self._session.state
        targets = _labels_at(state, picks, np.arange(len(picks.xy)))
        probability = expit(picks.score)
        made = []
        for number in range(len(picks.averages)):
            own = picks.classes == number
            made.append(
                ClassSummary(
                    number=number,
                    size=int(own.sum()),
                    probability=float(probability[own].mean()) if own.any() else float("nan"),
                    labelled=int((targets[own] >= 0).sum()),
                    contradicted=int((targets[own] == 0).sum()),
                    answer=state.class_answers.get(picks.class_id(number)),
                    left_out=picks.class_id(number) in state.left_out,
                )
            )
        return made

    def _sample(self, shown: int | None) -> list[int]:
        """Return the numbers of micrographs with peaks, the shown one and an even sample."""
        if not self._predictor.known_heads():
            self._predictor.load_peaks()  # those that the session stores
        numbers = [i for i in self._predictor.known_heads() if i != shown]
        first = [shown] if shown and self._session.state.is_used(shown) else []
        counts = self._predictor.counts(micrographs=numbers).values()
        each = max(1.0, float(np.mean(list(counts))) if counts else 1.0)
        wanted = int(np.clip(np.ceil(_CHOICE * _PICKS / each), len(first) + 1, _MICROGRAPHS))
        step = max(1, -(-len(numbers) // (wanted - len(first))))
        return sorted([*first, *numbers[::step]])

    @property
    def known(self) -> StoredClasses | None:
        """The last classes, also those of an earlier run; None if the crops changed since."""
        if self._stored is None:
            self._stored = load_classes(self._file)
        known = self._stored
        if known is None or known.settings != _crop_settings(self._session.state.settings):
            return None
        return known if known.averages.shape[1] == CROP_SIDE else None

    def _save(self) -> None:
        if not self._session.read_only and self._stored is not None:
            try:
                save_classes(self._file, self._stored, self._session.folder)
            except OSError as error:
                self._source.notices.append(
                    f"{self._file} cannot be written ({error.strerror}): the classes are lost when "
                    "the session is closed."
                )


def all_candidates(state: SessionState) -> SessionState:
    """Return a state in which all positions that may become picks are picks."""
    lower = {"threshold": _CANDIDATES * state.settings.threshold}
    return state.with_(settings=state.settings.model_copy(update=lower), left_out={})


def micrograph_picks(
    session: Session, peaks: MicrographPeaks, rows: NDArray[np.intp]
) -> "MicrographPicks | None":
    """Return some peaks as picks to be sorted into classes.

    Parameters
    ----------
    session
        The session.
    peaks
        Peaks of a micrograph.
    rows
        Indices of the peaks.

    Returns
    -------
    MicrographPicks or None
        None if the micrograph is missing or was changed, which is reported where all micrographs
        are picked.
    """
    from activepick.classes.picks import MicrographPicks

    state = session.state
    try:
        path = session.micrographs.unchanged_path(peaks.micrograph)
    except ActivepickError:
        return None
    return MicrographPicks(
        open_micrograph(path, state.settings),
        peaks.peaks.xy[rows].astype(np.float64),
        peaks.peaks.score[rows].astype(np.float64),
        state.micrographs[peaks.micrograph].defocus_angstrom,
    )


def _labels_at(
    state: SessionState, picks: ClassifiedPicks, rows: NDArray[np.intp], without: str | None = None
) -> NDArray[np.intp]:
    """Return for each row 1 or 0 if it has a label of a particle or of another object, else -1.

    Labels that follow from the answer to the class `without` are ignored.
    """
    found = np.full(len(rows), -1, np.intp)
    for number in np.unique(picks.micrograph[rows]).tolist():
        marks = [
            mark
            for mark in state.marks_of(number)
            if mark.target is not None and (without is None or mark.class_id != without)
        ]
        own = np.flatnonzero(picks.micrograph[rows] == number)
        if marks:
            gaps, nearest = cKDTree(positions(marks)).query(picks.xy[rows[own]])
            near = gaps <= SAME_POSITION * picks.radius_px[rows[own]]
            targets = np.array([int(mark.is_particle) for mark in marks], np.intp)
            found[own[near]] = targets[nearest[near]]
    return found


def _crop_settings(settings: Settings) -> str:
    """Return what determines crops and their descriptors, as text."""
    crops = (settings.diameter_angstrom, settings.pixel_size_angstrom, settings.inverted)
    return repr((*crops, directions_digest()))


def _name(references: NDArray[np.float32]) -> str:
    """Return a name for new classes, which follows from their references."""
    return hashlib.blake2b(references.tobytes(), digest_size=8).hexdigest()
