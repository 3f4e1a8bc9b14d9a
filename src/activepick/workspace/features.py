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

if TYPE_CHECKING:  # which load PyTorch
    from activepick.features.engine import FeatureEngine
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["FeatureSource", "Features", "Setup", "setup_key", "stored_contrast"]

# Number of contrast maps in memory; each takes about a megabyte.
_CONTRASTS = 32


class Features:
    """Data of micrographs that are valid as long as the settings of features do not change.

    Parameters
    ----------
    session
        The session.
    settings
        Its settings.
    engine
        Computes features.
    base
        The head that learning starts from.
    learning
        How labels become a head.
    keep
        Number of micrographs whose features and score maps are in memory.

    Attributes
    ----------
    engine
        Computes features.
    store
        The features in memory.
    training_set
        What learning needs of each micrograph, also of those whose features were dropped.
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
        """Return the file of a micrograph.

        Raises
        ------
        SessionError
            If it is missing, or not the file that was added.
        """
        return open_micrograph(self._session.micrographs.unchanged_path(entry.id), self._settings)

    def contrast(self, entry: MicrographEntry) -> ContrastMap:
        """Return the local contrast of a micrograph, from memory or computed."""
        found = self._contrasts.get(entry.fingerprint)
        if found is None:
            found = stored_contrast(self.engine, self.open(entry))
            self._contrasts.put(entry.fingerprint, found)
        return found

    def score_map(self, entry: MicrographEntry, head: Head) -> ScoreMap:
        """Return the score map of a head on a micrograph; parameters as in `linear_map`."""
        return head.calibration.score_map(self.linear_map(entry, head))

    def linear_map(self, entry: MicrographEntry, head: Head) -> ScoreMap:
        """Return the linear scores of a head on a micrograph, from memory or computed.

        Parameters
        ----------
        entry
            The micrograph.
        head
            The head; the same object has the same scores.
        """
        known = self._maps.get(entry.fingerprint)
        if known is not None and known[0] is head:
            return known[1]
        made = self.store.get(entry).score_map(head.weights, head.bias)
        self._maps.put(entry.fingerprint, (head, made))
        return made

    def size(self, keys: Iterable[str]) -> tuple[float, tuple[int, int]]:
        """Return particle radius and shape, in original pixels, of one of some micrographs.

        Parameters
        ----------
        keys
            Fingerprints of micrographs whose features were computed.
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
    """Engine and initial head, valid as long as the settings that determine them do not change.

    Attributes
    ----------
    key
        Those settings; see `setup_key`.
    features_key
        What the features follow from: setups with equal keys share them.
    features
        The features.
    base
        The head before the first label, which all others are drawn to.
    head
        The head that was saved for the labels at the time, or else `base`.
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
    """Interface of a workspace for its parts: `activepick.workspace.workspace.Workspace`.

    Attributes
    ----------
    session
        The session.
    learning
        How labels become a head.
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
        """Return the setup for the current settings; the first call takes long."""

    def network(self) -> "FeatureEngine":
        """Return an engine for the current settings, without determining working radii."""


def stored_contrast(engine: "FeatureEngine", micrograph: Micrograph) -> ContrastMap:
    """Compute the local contrast of a micrograph, or read it from the cache of the engine.

    Raises
    ------
    ActivepickError
        If the micrograph cannot be read or the diameter does not fit it.
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
