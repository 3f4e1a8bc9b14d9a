"""Active learning on a session: features, head, questions and picks."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from activepick.features.scales import LADDER
from activepick.features.torch_libraries import load_torch_libraries
from activepick.learning.head import Head
from activepick.learning.settings import LearnerSettings
from activepick.micrograph import Micrograph
from activepick.micrograph.contrast import CONTRAST_RADIUS_PX, ContrastMap
from activepick.micrograph.pixel_size import same_pixel_size
from activepick.progress import Progress, part_between
from activepick.scoremap import ScoreMap
from activepick.session.micrographs import open_micrograph
from activepick.session.model.settings import Settings
from activepick.session.session import Session
from activepick.workspace.audit import Audit
from activepick.workspace.class_filter import ClassFilter
from activepick.workspace.classification import Classification
from activepick.workspace.features import Features, Setup, setup_key, stored_contrast
from activepick.workspace.initial_head import (
    EngineMaker,
    head_suggested_by,
    initial_head,
    load_engine,
    saved_head,
)
from activepick.workspace.peaks import MicrographPeaks, measure_known_peaks, measure_peaks
from activepick.workspace.predictor import Predictor
from activepick.workspace.questioner import Questioner
from activepick.workspace.trainer import Trainer

if TYPE_CHECKING:  # these modules load PyTorch
    from activepick.features.engine import FeatureEngine
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["SettingsWarning", "Workspace"]

OnPeaks = Callable[[MicrographPeaks], None]

# Share of the time to open the first micrograph that is used for the network and working radii.
_SETUP = 0.4
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class SettingsWarning:
    """A warning about settings that seem to be wrong.

    Attributes
    ----------
    message
        A sentence for the user.
    changes
        By the names of the settings, values that would correct the problem.
    """

    message: str
    changes: dict[str, object]


class Workspace:
    """Active learning on a session, with one head for all its labels.

    All methods, including those of the attributes, are thread-safe. They are fast unless their
    documentation says that they are slow. All changes of the session are made by its actions.

    Parameters
    ----------
    session
        The session.
    make_engine
        Function that returns the engine for settings.
    learning
        Settings of the training; by default `LearnerSettings()`.
    keep
        Number of micrographs whose features are kept in memory.

    Attributes
    ----------
    session
        The session.
    learning
        Settings of the training.
    notices
        Sentences for the user, which are removed after they were shown.
    trainer
        Fits, saves and loads the head.
    predictor
        Finds, stores and counts peaks and picks.
    questioner
        Asks questions and chooses the next micrograph.
    audit
        Estimates the precision of the picks.
    classification
        Averages the picks by class, and labels members of classes.
    class_filter
        Leaves members of classes out of the picks.

    Signals
    -------
    stage_changed(text)
        A new stage of a slow computation began, described in a few words. The signal is emitted in
        the thread of the computation.
    """

    stage_changed = Signal(str)

    def __init__(
        self,
        session: Session,
        make_engine: EngineMaker = load_engine,
        learning: LearnerSettings | None = None,
        keep: int = 8,
    ) -> None:
        self.session = session
        self.learning = learning or LearnerSettings()
        self.notices: list[str] = []
        self._make_engine = make_engine
        self._keep = keep
        self._setup: Setup | None = None
        self._preparing = threading.RLock()
        self._prepared = 0.0
        self.trainer = Trainer(self)
        self.predictor = Predictor(self, self.trainer)
        self.questioner = Questioner(self, self.trainer, self.predictor)
        self.audit = Audit(self, self.trainer, self.predictor)
        self.classification = Classification(self, self.predictor)
        self.class_filter = ClassFilter(self, self.predictor, self.classification)

    @property
    def ready(self) -> bool:
        """Whether the network is loaded and the scale is determined for the current settings."""
        return self._current() is not None

    def setup(self, progress: Progress | None = None) -> Setup:
        """Return the features and the initial head for the current settings.

        The first call, and the first after a change of settings that affect features, is slow: it
        loads the network, determines the working radii and stores them in the settings of the
        session.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise an exception to cancel. Nothing is changed in
            this case.

        Raises
        ------
        ActivepickError
            If the network, the head, or all micrographs cannot be read.
        """
        report = progress or (lambda fraction: None)
        known = self._current()
        if known is not None:
            return known
        while not self._preparing.acquire(timeout=_POLL_SECONDS):
            report(self._prepared)  # by another thread
        try:
            known = self._current()
            if known is None:
                known = self._prepare(report)
            return known
        finally:
            self._preparing.release()

    def network(self) -> "FeatureEngine":
        """Return an engine for the current settings, without determining working radii."""
        known = self._current()
        if known is not None:
            return known.features.engine
        return self._make_engine(self.session.state.settings)

    def open(self, micrograph: int, progress: Progress | None = None) -> "MicrographFeatures":
        """Compute the features of a micrograph, and set its status to "seen"; may be slow.

        Parameters
        ----------
        micrograph
            Number of the micrograph.
        progress
            Called with the fraction done; may raise an exception to cancel.

        Returns
        -------
        MicrographFeatures

        Raises
        ------
        ActivepickError
            If the file is missing, was changed, or cannot be read.
        """
        entry = self.session.micrographs.entry(micrograph)
        report, begin = progress or (lambda fraction: None), 0.0 if self.ready else _SETUP
        store = self.setup(part_between(report, 0.0, begin)).features.store
        self.stage_changed.emit("Computing features")
        features = store.get(entry, lambda f: report(begin + (1 - begin) * f))
        if entry.status == "unseen" and not self.session.read_only:
            self.session.micrographs.set_status(micrograph, "seen")
        return features

    def likely_peaks(
        self,
        micrograph: int,
        progress: Progress | None = None,
        on_part: OnPeaks | None = None,
    ) -> MicrographPeaks | None:
        """Find the peaks of a micrograph at the scale that fits this micrograph best; may be slow.

        The scale of the session is determined from several micrographs, and is nearly always the
        same. On a CPU, only one orientation is computed, in half the time; `first_peaks` and `open`
        then read its features from the cache and compute the others.

        Parameters
        ----------
        micrograph, progress
            As in `open`.
        on_part
            Called with the peaks that are found so far whenever a part of a large micrograph is
            finished; these peaks do not change any more.

        Returns
        -------
        MicrographPeaks or None
            None if the scale is known, or there is no cache.
        """
        settings, report = self.session.state.settings, progress or (lambda fraction: None)
        if self.ready or settings.base_head or settings.working_radius_px is not None:
            return None
        engine = self._load_engine(settings)
        if engine.cache is None:
            return None
        path = self.session.micrographs.unchanged_path(micrograph)
        file = open_micrograph(path, settings)
        if engine.extractor.device.type == "cpu":  # a GPU resamples the images itself
            radii = (*LADDER, CONTRAST_RADIUS_PX)
            file.read_early(settings.diameter_angstrom, radii, settings.normalisation)
        head = head_suggested_by(engine, file, part_between(report, 0.0, _SETUP))
        contrast = stored_contrast(engine, file)
        file.keep_early(head.used_radii)
        engine = _faster(engine, file, head) or engine
        return self._peaks_at_used_scales(engine, file, contrast, head, micrograph, report, on_part)

    def first_peaks(
        self,
        micrograph: int,
        progress: Progress | None = None,
        on_part: OnPeaks | None = None,
        *,
        one_orientation: bool = False,
    ) -> MicrographPeaks | None:
        """Find the peaks of a micrograph with only the scales that the head uses; may be slow.

        The head before the first label uses only one scale. Its features are stored in the cache,
        so that `open` computes only those of the other scales.

        Parameters
        ----------
        micrograph, progress, on_part
            As in `likely_peaks`.
        one_orientation
            Whether to compute only one orientation, in half the time.

        Returns
        -------
        MicrographPeaks or None
            None if this is not faster than `open` or, with one orientation, than all of them.
        """
        entry = self.session.micrographs.entry(micrograph)
        report = progress or (lambda fraction: None)
        features = self.setup(part_between(report, 0.0, _SETUP)).features
        head, engine = self.trainer.head, features.engine
        all_scales = head.kinds is not None or len(head.used_scales) == len(head.weights)
        is_known = bool(features.store.held([entry]))
        if is_known or engine.cache is None or all_scales:
            return None
        file, contrast = features.open(entry), features.contrast(entry)
        if one_orientation:
            faster = _faster(engine, file, head)
            if faster is None:
                return None
            engine = faster
        return self._peaks_at_used_scales(engine, file, contrast, head, micrograph, report, on_part)

    def prefetch(self, micrographs: Sequence[int]) -> None:
        """Compute the features of micrographs in the background, in the given order."""
        entries = [self.session.micrographs.entry(number) for number in micrographs]
        self.setup().features.store.prefetch(entries)

    def prefetch_neighbours(self, micrograph: int) -> None:
        """Prefetch the micrographs that are likely to be opened after a micrograph."""
        entries = self.session.state.micrographs
        offer = self.questioner.next_micrograph()
        wanted = [micrograph + 1, *([offer.micrograph] if offer else []), micrograph - 1]
        usable = [i for i in wanted if i in entries and entries[i].status != "rejected"]
        self.prefetch([i for i in dict.fromkeys(usable) if i != micrograph])

    def check_settings(self, micrograph: int) -> list[SettingsWarning]:
        """Compare the polarity and the pixel size of the settings with a micrograph.

        This takes about one second on a CPU.

        Parameters
        ----------
        micrograph
            Number of the micrograph.

        Returns
        -------
        list of SettingsWarning
            Empty if the settings seem to be right.
        """
        entry = self.session.micrographs.entry(micrograph)
        found = (self._polarity_warning(entry.id), self._pixel_size_warning(entry.id))
        return [warning for warning in found if warning is not None]

    def release(self) -> None:
        """Release the memory of the GPU; it is allocated again when it is needed."""
        if self._setup is not None:
            self._setup.features.engine.extractor.release()

    def close(self) -> None:
        """Stop computing in the background, and drop all features."""
        with self._preparing:
            if self._setup is not None:
                self._setup.features.store.close()
                self._setup = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _current(self) -> Setup | None:
        known = self._setup
        if known is None or known.key != setup_key(self.session.state.settings):
            return None
        return known

    def _prepare(self, report: Progress) -> Setup:
        self.stage_changed.emit("Loading the network")
        load_torch_libraries()
        from activepick.features.device import missing_gpu_notice  # loads PyTorch

        def step(fraction: float) -> None:
            self._prepared = fraction
            report(fraction)

        base, engine = initial_head(self.session, self._load_engine, step)
        missing = missing_gpu_notice(engine.extractor.device)
        if missing is not None and self._setup is None:  # shown only once
            self.notices.append(missing)
        settings, old = self.session.state.settings, self._setup
        features_key = (settings.key("features", determined=False), settings.seed, base.spec)
        if old is not None and old.features_key == features_key:
            features = old.features
        else:
            features = Features(self.session, settings, engine, base, self.learning, self._keep)
            if old is not None:
                old.features.store.close()
        head = saved_head(self.session, base) or base
        self._setup = Setup(setup_key(settings), features_key, features, base, head)
        return self._setup

    def _load_engine(self, settings: Settings) -> "FeatureEngine":
        self.stage_changed.emit("Loading the network")
        engine = self._make_engine(settings)
        if not settings.base_head and settings.working_radius_px is None:
            self.stage_changed.emit("Choosing the scale of the particles")
        return engine

    def _peaks_at_used_scales(
        self,
        engine: "FeatureEngine",
        file: Micrograph,
        contrast: ContrastMap,
        head: Head,
        micrograph: int,
        report: Progress,
        on_part: OnPeaks | None,
    ) -> MicrographPeaks:
        def scores_of(features: "MicrographFeatures") -> ScoreMap:
            linear = features.score_map(head.weights[head.used_scales], head.bias)
            return head.calibration.score_map(linear)

        def report_part(features: "MicrographFeatures", known: NDArray[np.bool_]) -> None:
            assert on_part is not None
            state, scores = self.session.state, scores_of(features)
            spacing_px = features.maps[0].spacing_px
            on_part(
                measure_known_peaks(state, micrograph, scores, contrast, head, known, spacing_px)
            )

        self.stage_changed.emit("Computing the first picks")
        part = None if on_part is None else report_part
        features = engine.features(file, head.used_radii, report, part)
        scores = scores_of(features)
        return measure_peaks(self.session.state, micrograph, scores, contrast, head)

    def _polarity_warning(self, micrograph: int) -> SettingsWarning | None:
        features = self.setup().features
        file = features.open(self.session.micrographs.entry(micrograph))
        if not features.engine.looks_inverted(file):
            return None
        seem = "dark" if file.inverted else "bright"
        return SettingsWarning(
            f"The particles of {file.name} look {seem}. Set the polarity to {seem} if they are; "
            "otherwise check the diameter and the pixel size.",
            {"inverted": not file.inverted},
        )

    def _pixel_size_warning(self, micrograph: int) -> SettingsWarning | None:
        given = self.session.state.settings.pixel_size_angstrom
        path = self.session.micrographs.path(micrograph)
        header = Micrograph(path)
        if given is None or not header.has_pixel_size:
            return None
        size = header.pixel_size_angstrom
        if same_pixel_size(size, given):
            return None
        return SettingsWarning(
            f"The header of {path.name} says {size:.4g} Å per pixel, and the settings of this "
            f"session {given:.4g} Å. Correct the pixel size, unless the header is wrong.",
            {"pixel_size_angstrom": None},
        )


def _faster(engine: "FeatureEngine", file: Micrograph, head: Head) -> "FeatureEngine | None":
    """Return an engine with one orientation; None if it is not faster than the given one.

    On a GPU, all orientations take only tenths of a second.
    """
    if engine.orientations == 1 or engine.extractor.device.type != "cpu":
        return None
    if engine.is_cached(file, head.used_radii):
        return None
    return replace(engine, orientations=1)
