"""Features, score maps and local contrast of the micrographs of a session."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from activepick.learning.head import Head
from activepick.learning.settings import LearnerSettings
from activepick.learning.training_set import TrainingSet
from activepick.micrograph import Micrograph
from activepick.micrograph.contrast import CONTRAST_RADIUS_PX, ContrastMap, working_contrast
from activepick.progress import Progress
from activepick.scoremap import ScoreMap
from activepick.session.micrographs import open_micrograph
from activepick.session.model.settings import Settings
from activepick.session.model.state import MicrographEntry
from activepick.session.session import Session
from activepick.workspace.feature_store import FeatureStore
from activepick.workspace.last_used import LastUsed

if TYPE_CHECKING:  # these modules load PyTorch
    from activepick.features.engine import FeatureEngine
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["FeatureSource", "Features", "Setup", "setup_key", "stored_contrast"]

# Number of contrast maps in memory; each takes about 1 MB.
_CONTRASTS = 32


class Features:
    """Data of micrographs, valid while the settings that determine features do not change.

    Parameters
    ----------
    session
        The session.
    settings
        The settings of the session.
    engine
        Engine that computes features.
    base
        The head before the first label.
    learning
        Settings of the training.
    keep
        Number of micrographs whose features and score maps are kept in memory.

    Attributes
    ----------
    engine
        Engine that computes features.
    store
        The features in memory.
    training_set
        The training data of each micrograph, including those whose features were dropped.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        engine: "FeatureEngine",
        base: Head,
        learning: LearnerSettings,
        keep: int,
    ) -> None:
        self.engine = engine
        self.store = FeatureStore(self._load, keep)
        self.training_set = TrainingSet(base, learning, settings.seed)
        self._session = session
        self._settings = settings
        self._radii = base.spec.working_radii
        self._contrasts: LastUsed[ContrastMap] = LastUsed(_CONTRASTS)
        self._maps: LastUsed[tuple[Head, ScoreMap]] = LastUsed(keep)
        self._sizes: dict[str, tuple[float, tuple[int, int]]] = {}

    def open(self, entry: MicrographEntry) -> Micrograph:
        """Open the file of a micrograph.

        Raises
        ------
        SessionError
            If the file is missing, or was changed since it was added.
        """
        return open_micrograph(self._session.micrographs.unchanged_path(entry.id), self._settings)

    def contrast(self, entry: MicrographEntry) -> ContrastMap:
        """Return the local contrast of a micrograph; it is computed if it is not in memory."""
        found = self._contrasts.get(entry.fingerprint)
        if found is None:
            found = stored_contrast(self.engine, self.open(entry))
            self._contrasts.put(entry.fingerprint, found)
        return found

    def score_map(self, entry: MicrographEntry, head: Head) -> ScoreMap:
        """Return the score map of a head on a micrograph.

        The parameters are those of `linear_map`.
        """
        return head.calibration.score_map(self.linear_map(entry, head))

    def linear_map(self, entry: MicrographEntry, head: Head) -> ScoreMap:
        """Return the map of linear scores of a head on a micrograph.

        It is computed if it is not in memory.

        Parameters
        ----------
        entry
            The micrograph.
        head
            The head. A map in memory is reused if it was computed with the same object.
        """
        known = self._maps.get(entry.fingerprint)
        if known is not None and known[0] is head:
            return known[1]
        made = head.linear_map(self.store.get(entry))
        self._maps.put(entry.fingerprint, (head, made))
        return made

    def size(self, keys: Iterable[str]) -> tuple[float, tuple[int, int]]:
        """Return the particle radius and the shape of one of several micrographs.

        Parameters
        ----------
        keys
            Fingerprints of micrographs whose features were computed.

        Returns
        -------
        radius_px : float
            Particle radius in original pixels.
        shape : tuple of int
            Height and width in original pixels.
        """
        wanted = set(keys)
        return next(size for key, size in self._sizes.items() if key in wanted)

    def _load(self, entry: MicrographEntry, progress: Progress) -> "MicrographFeatures":
        features = self.engine.features(self.open(entry), self._radii, progress)
        self._sizes[entry.fingerprint] = features.radius_px, features.shape
        self.training_set.observe(entry.fingerprint, features)
        self.contrast(entry)
        return features


@dataclass(frozen=True, eq=False)
class Setup:
    """Features and initial head, valid while the settings that determine them do not change.

    Attributes
    ----------
    key
        These settings; see `setup_key`.
    features_key
        The settings and the spec that determine the features; setups with equal keys share them.
    features
        The features.
    base
        The head before the first label, which is the mean of the prior.
    head
        The head that was saved for the labels when the setup was made; `base` if there was none.
    """

    key: tuple[object, ...]
    features_key: tuple[object, ...]
    features: Features
    base: Head
    head: Head


def setup_key(settings: Settings) -> tuple[object, ...]:
    """Return the settings that determine a setup."""
    return (*settings.key("features"), settings.seed)


class FeatureSource(Protocol):
    """Interface of `activepick.workspace.workspace.Workspace` that its parts use.

    Attributes
    ----------
    session
        The session.
    learning
        Settings of the training.
    notices
        Sentences for the user.
    """

    session: Session
    learning: LearnerSettings
    notices: list[str]

    @property
    def ready(self) -> bool:
        """Whether there is a setup for the current settings."""

    def setup(self, progress: Progress | None = None) -> Setup:
        """Return the setup for the current settings; the first call is slow."""

    def network(self) -> "FeatureEngine":
        """Return an engine for the current settings, without determining working radii."""


def stored_contrast(engine: "FeatureEngine", micrograph: Micrograph) -> ContrastMap:
    """Compute the local contrast of a micrograph, or read it from the cache of the engine.

    Raises
    ------
    ActivepickError
        If the micrograph cannot be read, or the diameter is not suitable for it.
    """
    diameter = engine.diameter_angstrom

    def compute() -> NDArray[np.float16]:
        [image] = micrograph.working_images(diameter, [CONTRAST_RADIUS_PX])
        return np.asarray(working_contrast(image).values, np.float16)

    if engine.cache is None:
        values = compute()
    else:
        radius_px = micrograph.radius_px(diameter)
        key = f"contrast {micrograph.content_key()} {radius_px} {CONTRAST_RADIUS_PX}"
        values = engine.cache.get(key, compute)
    height, width = micrograph.shape
    return ContrastMap(values, (width / values.shape[1], height / values.shape[0]))
