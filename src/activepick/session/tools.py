"""All that follows from the settings of a session's features, and the head that is learnt."""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from activepick.errors import ActivepickError, HeadError, SessionError
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.head_file import load_head
from activepick.learning.learner import LearnerSettings
from activepick.learning.loss import expected_pi
from activepick.learning.training import fit_head
from activepick.session.engine import EngineMaker, feature_settings, micrograph_of, start
from activepick.session.evidence import Evidence
from activepick.session.feature_store import FeatureStore, Step
from activepick.session.micrograph_files import fingerprint
from activepick.session.session import Session
from activepick.session.state import MicrographEntry, SessionState

__all__ = ["Tools", "head_file", "labels_digest", "make_tools"]

# Micrographs from which the working radius is found.
_FIRST = 3


@dataclass(eq=False)
class Tools:
    """What a loop works with until the settings of the features change.

    Attributes
    ----------
    settings
        Those settings.
    learning
        How labels become a head.
    pretrained
        The head before the first label.
    store, evidence
        Features at hand, and what is kept of the others.
    head
        The head as it is now.
    unreadable
        By number, why the labels of a micrograph did not count at the last refit.
    """

    settings: tuple[object, ...]
    learning: LearnerSettings
    pretrained: Head
    store: FeatureStore
    evidence: Evidence
    head: Head
    unreadable: Mapping[int, str] = field(default_factory=dict)

    def refit(self, state: SessionState) -> None:
        """Fit the head to all labels of a state."""
        entries = state.micrographs
        training = self.evidence.training(state.labels.values(), entries, self.store.get)
        head = self.pretrained
        if training.labels:
            fit = self.learning.fit
            expected = state.settings.expected_particles
            if expected is not None:
                first = self.store.get(entries[training.labels[0].micrograph])
                fit = replace(fit, pi=expected_pi(expected, first.radius_px, first.shape))
            head = fit_head(
                self.pretrained,
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
    session: Session, make_engine: EngineMaker, learning: LearnerSettings, keep: int
) -> Tools:
    """Load the network and find the working radii, which become settings of the session.

    Parameters
    ----------
    session
        With at least one micrograph, where its settings have no working radius yet.
    make_engine, learning, keep
        As in `LearningLoop`.

    Raises
    ------
    ActivepickError
        When there is none that can be used.
    """
    state = session.state
    found = state.settings.working_radius_px is not None
    files = [] if found else _first_files(session)
    engine = make_engine(state.settings)
    pretrained = start(engine, state.settings, [micrograph_of(f, state.settings) for f in files])
    radii = pretrained.spec.working_radii
    if not found and not session.read_only:
        best = int(np.flatnonzero(pretrained.weights.any(axis=1))[0])
        session.set_settings(working_radius_px=radii[best], working_radii_px=radii)
    settings = session.state.settings
    evidence = Evidence(pretrained, learning, settings.seed)

    def load(entry: MicrographEntry, progress: Step) -> MicrographFeatures:
        micrograph = micrograph_of(_checked_file(session, entry), settings)
        features = engine.features(micrograph, radii, progress)
        evidence.look_at(entry.fingerprint, features)
        return features

    head = pretrained
    # A head that was saved for these very labels need not be learnt again.
    with contextlib.suppress(HeadError):
        saved = load_head(head_file(session))
        saved.require(pretrained.spec)
        if saved.notes.get("labels") == labels_digest(state):
            head = saved
    store = FeatureStore(load, keep)
    return Tools(feature_settings(settings), learning, pretrained, store, evidence, head)


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
    facts = (settings.diameter_angstrom, settings.inverted, settings.expected_particles, labels)
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def _first_files(session: Session) -> list[Path]:
    """Find the first few micrographs that are there and unchanged."""
    files: list[Path] = []
    problem = SessionError("There is no micrograph in this session yet: add some.")
    for entry in session.state.micrographs.values():
        if entry.progress == "rejected":
            continue
        try:
            files.append(_checked_file(session, entry))
        except ActivepickError as error:
            problem = SessionError(str(error))
        if len(files) == _FIRST:
            break
    if not files:
        raise problem
    return files


def _checked_file(session: Session, entry: MicrographEntry) -> Path:
    path = session.find_micrograph(entry.id)
    if fingerprint(path) != session.state.micrographs[entry.id].fingerprint:
        raise SessionError(
            f"{path} is not the file that it was when it was added, so that its labels may not "
            "fit any more. Put the old one back, or accept it as it is now (relink)."
        )
    return path
