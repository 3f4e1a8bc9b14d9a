"""The head that a session begins with, and what is needed to look at its micrographs."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activepick.errors import ActivepickError, HeadError, SessionError
from activepick.learning.head import Head
from activepick.learning.head_file import load_head
from activepick.session.micrographs import open_micrograph
from activepick.session.model.state import SessionState
from activepick.session.session import Session
from activepick.workspace.engine import EngineMaker, start
from activepick.workspace.feature_store import Step

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine

__all__ = ["first_head", "head_file", "labels_digest", "saved_head"]

# The share of the time until all is ready that loading the network takes.
_LOADING = 0.2


def head_file(session: Session) -> Path:
    """Give the path at which a session keeps its head."""
    return session.folder / "heads" / "head.safetensors"


def labels_digest(state: SessionState) -> str:
    """Name all that a head depends on but its features."""
    labels = sorted(
        (state.micrographs[m.micrograph].fingerprint, m.x, m.y, int(m.target == 1))
        for m in state.labels.values()
    )
    facts = (state.settings.key("features", "head"), labels)
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def first_head(
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
        () if found else (open_micrograph(f, state.settings) for f in _files(session)),
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


def saved_head(session: Session, base: Head) -> Head | None:
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
        if entry.status == "rejected":
            continue
        try:
            file = session.micrographs.unchanged_path(entry.id)
        except ActivepickError as error:
            problem = problem and SessionError(str(error))
            continue
        problem = None
        yield file
    if problem is not None:
        raise problem
