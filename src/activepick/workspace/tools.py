"""All that follows from the settings of a session's features, and the head that is learnt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.learner import LearnerSettings
from activepick.learning.loss import expected_pi
from activepick.learning.training import fit_head
from activepick.session.model.state import MicrographEntry, SessionState
from activepick.session.session import Session
from activepick.workspace.contrasts import Contrasts, micrograph_contrast
from activepick.workspace.engine import (
    EngineMaker,
    feature_settings,
    micrograph_of,
    network_settings,
)
from activepick.workspace.evidence import Evidence
from activepick.workspace.feature_store import FeatureStore, Step
from activepick.workspace.initial_head import checked_file, first_head, labels_digest, saved_head
from activepick.workspace.score_maps import ScoreMaps

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.micrograph import Micrograph

__all__ = ["Tools", "make_tools"]


@dataclass(eq=False)
class Tools:
    """What a loop works with until the settings of the features change.

    Attributes
    ----------
    settings
        Those settings.
    learning
        How labels become a head.
    features
        What the features follow from; tools with the same can share them.
    engine
        Computes features.
    base
        The head before the first label, which all others are drawn to.
    open_file
        Gives the micrograph of an entry; SessionError when it is missing or not what it was.
    store, evidence
        Features at hand, and what is kept of the others.
    contrasts, maps
        Local contrast and score maps of the last micrographs.
    head
        The head as it is now.
    sizes
        Particle radius in original pixels, and height and width, by content of the micrograph.
    unreadable
        By number, why the labels of a micrograph did not count at the last refit.
    """

    settings: tuple[object, ...]
    features: tuple[object, ...]
    learning: LearnerSettings
    engine: "FeatureEngine"
    base: Head
    open_file: "Callable[[MicrographEntry], Micrograph]"
    store: FeatureStore
    evidence: Evidence
    contrasts: Contrasts
    maps: ScoreMaps
    head: Head
    sizes: dict[str, tuple[float, tuple[int, int]]]
    unreadable: Mapping[int, str] = field(default_factory=dict)

    def refit(self, state: SessionState) -> None:
        """Fit the head to all labels of a state."""
        entries = state.micrographs
        training = self.evidence.training(state.labels.values(), entries, self.store.get)
        head = self.base
        if training.labels:
            fit = self.learning.fit
            expected = state.settings.expected_particles
            if expected is not None:
                # Features of labelled micrographs were looked at, if they are not at hand now.
                used = {entries[label.micrograph].fingerprint for label in training.labels}
                size = next(self.sizes[key] for key in self.sizes if key in used)
                fit = replace(fit, pi=expected_pi(expected, *size))
            head = fit_head(
                self.base,
                fit,
                training.rows,
                training.targets,
                training.unlabelled,
                self.head if self.head.particles + self.head.others else None,
                consistency=self.learning.consistency,
                consistency_unlabelled=self.learning.consistency_unlabelled,
                peaks=training.peaks,
            )
        self.unreadable = training.unreadable
        self.head = replace(
            head,
            diameter_angstrom=state.settings.diameter_angstrom,
            inverted=state.settings.inverted,
            notes={"labels": labels_digest(state)},
        )


def make_tools(
    session: Session,
    make_engine: EngineMaker,
    learning: LearnerSettings,
    keep: int,
    old: Tools | None = None,
    progress: Step | None = None,
) -> Tools:
    """Load the network and find the working radii, which become settings of the session.

    Parameters
    ----------
    session
        With at least one micrograph, where its settings have no working radius yet.
    make_engine, learning, keep
        As in `LearningLoop`.
    old
        The tools so far; what is at hand there stays when the features are the same.
    progress
        Called with the fraction done; may raise to cancel, which leaves all as it was.

    Raises
    ------
    ActivepickError
        When there is none that can be used.
    """
    base, engine = first_head(session, make_engine, progress or (lambda fraction: None))
    settings = session.state.settings
    key, features = feature_settings(settings), (network_settings(settings), base.spec)
    head = saved_head(session, base) or base
    if old is not None and old.features == features:
        return replace(old, settings=key, base=base, head=head, unreadable={})
    evidence = Evidence(base, learning, settings.seed)

    def open_file(entry: MicrographEntry) -> "Micrograph":
        return micrograph_of(checked_file(session, entry), settings)

    sizes: dict[str, tuple[float, tuple[int, int]]] = {}
    contrasts = Contrasts(lambda entry: micrograph_contrast(engine, open_file(entry)))

    def load(entry: MicrographEntry, progress: Step) -> MicrographFeatures:
        features = engine.features(open_file(entry), base.spec.working_radii, progress)
        sizes[entry.fingerprint] = features.radius_px, features.shape
        evidence.look_at(entry.fingerprint, features)
        contrasts.get(entry)
        return features

    return Tools(
        key,
        features,
        learning,
        engine,
        base,
        open_file,
        FeatureStore(load, keep),
        evidence,
        contrasts,
        ScoreMaps(keep),
        head,
        sizes,
    )
