"""All that follows from the settings of a session's features, and the head that is learnt."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activepick.errors import ActivepickError, HeadError, SessionError
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.head_file import load_head
from activepick.learning.learner import LearnerSettings
from activepick.learning.loss import expected_pi
from activepick.learning.training import fit_head
from activepick.session.contrasts import Contrasts, micrograph_contrast
from activepick.session.engine import (
    EngineMaker,
    feature_settings,
    micrograph_of,
    network_settings,
    start,
)
from activepick.session.evidence import Evidence
from activepick.session.feature_store import FeatureStore, Step
from activepick.session.micrograph_files import fingerprint
from activepick.session.score_maps import ScoreMaps
from activepick.session.session import Session
from activepick.session.state import MicrographEntry, SessionState

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.micrograph import Micrograph

__all__ = ["Tools", "checked_file", "head_file", "labels_digest", "make_tools"]

# The share of the time until the tools are made that loading the network takes.
_LOADING = 0.2


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
    base, engine = _beginning(session, make_engine, progress or (lambda fraction: None))
    settings = session.state.settings
    key, features = feature_settings(settings), (network_settings(settings), base.spec)
    head = _saved_head(session, base) or base
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


def head_file(session: Session) -> Path:
    """Give the path at which a session keeps its head."""
    return session.folder / "heads" / "head.safetensors"


def labels_digest(state: SessionState) -> str:
    """Name all that a head depends on but its features."""
    labels = sorted(
        (state.micrographs[m.micrograph].fingerprint, m.x, m.y, m.target or 0)
        for m in state.labels.values()
    )
    settings = state.settings
    facts: tuple[object, ...] = (
        settings.diameter_angstrom,
        settings.inverted,
        settings.expected_particles,
        labels,
    )
    if settings.base_head is not None:
        facts = (settings.base_head, *facts)
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def _beginning(
    session: Session, make_engine: EngineMaker, progress: Step
) -> tuple[Head, "FeatureEngine"]:
    """Give the head before the first label, and the engine for its features."""
    state = session.state
    progress(0.0)
    engine = make_engine(state.settings)
    progress(_LOADING)
    if state.settings.base_head is not None:
        base = _base_head(session.folder / "heads" / state.settings.base_head)
        if base.spec.stride != engine.extractor.stride:
            extractor = engine.extractor.with_stride(base.spec.stride)
            engine = replace(engine, extractor=extractor)
        base.require(engine.spec(base.spec.working_radii))
        return base, engine
    found = state.settings.working_radius_px is not None
    base = start(
        engine,
        state.settings,
        () if found else (micrograph_of(f, state.settings) for f in _files(session)),
        lambda fraction: progress(_LOADING + (1 - _LOADING) * fraction),
    )
    if not found and not session.read_only:
        radii = base.spec.working_radii
        best = int(np.flatnonzero(base.weights.any(axis=1))[0])
        session.set_settings(working_radius_px=radii[best], working_radii_px=radii)
    return base, engine


def _base_head(path: Path) -> Head:
    if not path.is_file():
        raise HeadError(
            f"{path}: the head that learning starts from is not there. Put it back, use another "
            "one, or go back to the pretrained network."
        )
    return load_head(path)


def _saved_head(session: Session, base: Head) -> Head | None:
    """Give the head that was saved for these very labels: it need not be learnt again."""
    with contextlib.suppress(HeadError):
        saved = load_head(head_file(session))
        saved.require(base.spec)
        if saved.notes.get("labels") == labels_digest(session.state):
            return saved
    return None


def _files(session: Session) -> Iterator[Path]:
    """Find those micrographs that are there and unchanged; SessionError when there is none."""
    problem: ActivepickError | None = SessionError(
        "There is no micrograph in this session yet: add some."
    )
    for entry in session.state.micrographs.values():
        if entry.progress == "rejected":
            continue
        try:
            file = checked_file(session, entry)
        except ActivepickError as error:
            problem = problem and SessionError(str(error))
            continue
        problem = None
        yield file
    if problem is not None:
        raise problem


def checked_file(session: Session, entry: MicrographEntry) -> Path:
    """Give the file of a micrograph; SessionError when it is missing or not what it was."""
    path = session.find_micrograph(entry.id)
    if fingerprint(path) != session.state.micrographs[entry.id].fingerprint:
        raise SessionError(
            f"{path} is not the file that it was when it was added, so that its labels may not "
            "fit any more. Put the old one back, or accept it as it is now (relink)."
        )
    return path
