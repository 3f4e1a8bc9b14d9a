"""All that follows from the settings of a session's features, and the head that is learnt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.loss import expected_pi
from activepick.learning.posterior import Posterior
from activepick.learning.settings import LearnerSettings
from activepick.learning.training import fit_head, head_posterior
from activepick.learning.training_set import MicrographLabels, TrainingExamples, TrainingSet
from activepick.session.micrographs import open_micrograph
from activepick.session.model.settings import Settings
from activepick.session.model.state import MicrographEntry, SessionState
from activepick.session.session import Session
from activepick.workspace.contrasts import Contrasts, micrograph_contrast
from activepick.workspace.engine import EngineMaker
from activepick.workspace.feature_store import FeatureStore, Step
from activepick.workspace.initial_head import first_head, labels_digest, saved_head
from activepick.workspace.score_maps import ScoreMaps

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.micrograph import Micrograph

__all__ = ["Tools", "make_tools", "tools_key"]


def tools_key(settings: Settings) -> tuple[object, ...]:
    """Return the settings that tools follow from."""
    return (*settings.key("features"), settings.seed)


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
    store
        Features in memory.
    training_set
        The examples that the head is fitted to.
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
    training_set: TrainingSet
    contrasts: Contrasts
    maps: ScoreMaps
    head: Head
    sizes: dict[str, tuple[float, tuple[int, int]]]
    unreadable: Mapping[int, str] = field(default_factory=dict)

    def refit(self, state: SessionState) -> None:
        """Fit the head to all labels of a state."""
        examples = self.examples(state)
        head = self.base
        if len(examples.targets):
            head = fit_head(
                self.base,
                self._learning(state, examples),
                examples,
                self.head if self.head.particles + self.head.others else None,
            )
        self.unreadable = _problems(state, examples)
        self.head = replace(
            head,
            diameter_angstrom=state.settings.diameter_angstrom,
            inverted=state.settings.inverted,
            notes={"labels": labels_digest(state)},
        )

    def posterior(self, state: SessionState) -> Posterior:
        """Compute the posterior of the head for the labels of a state."""
        examples = self.examples(state)
        return head_posterior(self.head, self.base, self._learning(state, examples), examples)

    def examples(self, state: SessionState) -> TrainingExamples:
        """Return the training examples that the labels of a state give."""
        rows: dict[str, list[tuple[float, float, float]]] = {}
        for label in state.labels.values():
            key = state.micrographs[label.micrograph].fingerprint
            rows.setdefault(key, []).append((label.x, label.y, float(label.target == 1)))
        tables = {key: np.array(own, np.float64) for key, own in rows.items()}
        labels = {key: MicrographLabels(t[:, :2], t[:, 2]) for key, t in tables.items()}
        entries = {entry.fingerprint: entry for entry in state.micrographs.values()}
        return self.training_set.collect(labels, lambda key: self.store.get(entries[key]))

    def _learning(self, state: SessionState, examples: TrainingExamples) -> LearnerSettings:
        """Return the settings of learning with the expected number of particles, if given."""
        expected = state.settings.expected_particles
        if expected is None or not examples.keys:
            return self.learning
        # Features of labelled micrographs were computed once, so that their sizes are known.
        size = next(self.sizes[key] for key in self.sizes if key in examples.keys)
        return replace(
            self.learning, fit=replace(self.learning.fit, pi=expected_pi(expected, *size))
        )


def _problems(state: SessionState, examples: TrainingExamples) -> dict[int, str]:
    """Return by number why labels of a micrograph are not among the examples."""
    found = {}
    for number, entry in state.micrographs.items():
        if entry.fingerprint in examples.unreadable:
            found[number] = examples.unreadable[entry.fingerprint]
        elif entry.fingerprint in examples.outside:
            count = len(examples.outside[entry.fingerprint])
            what = "1 label lies" if count == 1 else f"{count} labels lie"
            found[number] = f"{entry.name}: {what} outside the image."
    return found


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
    key = tools_key(settings)
    features = (settings.key("features", determined=False), settings.seed, base.spec)
    head = saved_head(session, base) or base
    if old is not None and old.features == features:
        return replace(old, settings=key, base=base, head=head, unreadable={})
    training_set = TrainingSet(base, learning, settings.seed)

    def open_file(entry: MicrographEntry) -> "Micrograph":
        return open_micrograph(session.micrographs.unchanged_path(entry.id), settings)

    sizes: dict[str, tuple[float, tuple[int, int]]] = {}
    contrasts = Contrasts(lambda entry: micrograph_contrast(engine, open_file(entry)))

    def load(entry: MicrographEntry, progress: Step) -> MicrographFeatures:
        features = engine.features(open_file(entry), base.spec.working_radii, progress)
        sizes[entry.fingerprint] = features.radius_px, features.shape
        training_set.observe(entry.fingerprint, features)
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
        training_set,
        contrasts,
        ScoreMaps(keep),
        head,
        sizes,
    )
