"""The initial head of a session, and the heads that the session stores."""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from activepick.errors import ActivepickError, HeadError, SessionError
from activepick.features.torch_libraries import load_torch_libraries
from activepick.learning.head import Head, pretrained_head
from activepick.learning.head_file import load_head
from activepick.learning.kinds import KindWeights
from activepick.progress import Progress, part_between
from activepick.session.micrographs import open_micrograph
from activepick.session.model.settings import Settings
from activepick.session.model.state import SessionState
from activepick.session.session import Session

if TYPE_CHECKING:  # these modules load PyTorch
    from activepick.features.engine import FeatureEngine
    from activepick.features.extractor import Extractor
    from activepick.micrograph import Micrograph

__all__ = [
    "EngineMaker",
    "head_folder",
    "head_suggested_by",
    "initial_head",
    "known_kinds",
    "labels_digest",
    "load_engine",
    "load_network",
    "saved_head",
    "saved_head_file",
]

EngineMaker = Callable[[Settings], "FeatureEngine"]

# Share of the time to determine the initial head that is used to load the network.
_LOADING = 0.2

_loading = threading.Lock()


def load_network(model: str) -> "Extractor":
    """Load a network on the best device; networks of the package are loaded only once.

    Parameters
    ----------
    model
        Name or path of the network, as in `activepick.features.backbone.load_backbone`.
    """
    load_torch_libraries()
    from activepick.features.backbone import PRETRAINED, load_backbone
    from activepick.features.extractor import Extractor

    if model not in PRETRAINED:  # the file may change
        return Extractor(load_backbone(model))
    with _loading:  # otherwise two threads may load it at the same time
        return _load_pretrained(model)


@lru_cache(maxsize=1)
def _load_pretrained(model: str) -> "Extractor":
    from activepick.features.backbone import load_backbone
    from activepick.features.extractor import Extractor

    return Extractor(load_backbone(model))


def load_engine(settings: Settings) -> "FeatureEngine":
    """Return an engine with the network of the settings on the best device, and with the cache."""
    from activepick.features.cache import FeatureCache
    from activepick.features.engine import FeatureEngine

    return FeatureEngine(
        load_network(settings.model),
        settings.diameter_angstrom,
        settings.normalisation,
        FeatureCache(),
    )


def head_folder(session: Session) -> Path:
    """Return the folder in which a session stores heads."""
    return session.folder / "heads"


def saved_head_file(session: Session) -> Path:
    """Return the file in which a session stores the head for its labels."""
    return head_folder(session) / "head.safetensors"


def labels_digest(state: SessionState) -> str:
    """Return a hash of the labels and settings, which determine a head."""
    kinds = bool(state.settings.kinds)
    # The weight is left out where it is 1, so that heads that were saved before labels had weights
    # are recognised.
    labels = sorted(
        (
            state.micrographs[m.micrograph].fingerprint,
            m.x,
            m.y,
            m.particle_kind if kinds else int(m.is_particle),
        )
        + (() if m.weight == 1 else (m.weight,))
        for m in state.labels.values()
    )
    # Labels of the first kind alone are the same as without kinds, but the head then has a kind.
    facts = (state.settings.key("features", "head"), labels, *(["kinds"] if kinds else []))
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def initial_head(
    session: Session, make_engine: EngineMaker, progress: Progress
) -> tuple[Head, "FeatureEngine"]:
    """Return the initial head and the engine that computes its features.

    If the settings contain no working radii, these are determined and stored in the settings.

    Parameters
    ----------
    session
        The session, with at least one micrograph unless its settings contain working radii.
    make_engine
        Function that returns the engine for settings.
    progress
        Called with the fraction done; may raise an exception to cancel. The session is not changed
        in this case.

    Raises
    ------
    ActivepickError
        If the head, the network, or all micrographs cannot be read.
    """
    settings = session.state.settings
    progress(0.0)
    engine = make_engine(settings)
    progress(_LOADING)
    if settings.base_head is not None:
        base = known_kinds(
            _base_head(head_folder(session) / settings.base_head), settings.kind_numbers
        )
        if base.spec.stride != engine.extractor.stride:
            engine = replace(engine, extractor=engine.extractor.with_stride(base.spec.stride))
        if base.spec.orientations != engine.orientations:
            engine = replace(engine, orientations=base.spec.orientations)
        base.require(engine.spec(base.spec.working_radii))
        return base, engine
    if settings.working_radius_px is not None:
        return _head_at(engine, settings.working_radius_px, settings.working_radii_px), engine
    from activepick.learning.initial_head import starting_head

    base = starting_head(
        engine,
        _readable(session, settings),
        progress=part_between(progress, _LOADING, 1.0),
    )
    if not session.read_only:
        radii = base.spec.working_radii
        session.set_settings(working_radius_px=base.used_radii[0], working_radii_px=radii)
    return base, engine


def head_suggested_by(
    engine: "FeatureEngine", micrograph: "Micrograph", progress: Progress
) -> Head:
    """Return the pretrained head at the working radii that fit a single micrograph best.

    Parameters
    ----------
    engine
        The engine that computes features.
    micrograph
        The micrograph.
    progress
        Called with the fraction done; may raise an exception to cancel.

    Raises
    ------
    ActivepickError
        If the micrograph cannot be read.
    """
    from activepick.features.scales import side_by_side

    best = engine.best_radius([micrograph], progress)
    return _head_at(engine, best, side_by_side(best))


def known_kinds(head: Head, numbers: Mapping[str, int]) -> Head:
    """Return a head in which kinds of particles have the numbers of a session.

    Parameters
    ----------
    head
        The head.
    numbers
        Numbers of the kinds of the session by name. If the head has a kind that the session does
        not have, the result is a head without kinds.
    """
    kinds = head.kinds
    if kinds is None:
        return head
    if not set(kinds.names) <= set(numbers):
        return replace(head, kinds=None)
    found = tuple(sorted(kinds.names, key=numbers.__getitem__))
    order = [kinds.names.index(name) for name in found]
    weights, bias = kinds.weights[order], kinds.bias[order]
    return replace(
        head, kinds=KindWeights(tuple(numbers[name] for name in found), found, weights, bias)
    )


def saved_head(session: Session, base: Head) -> Head | None:
    """Return the head that was saved for the current labels; None if there is none.

    Parameters
    ----------
    session
        The session.
    base
        The head before the first label.
    """
    with contextlib.suppress(HeadError):
        saved = load_head(saved_head_file(session))
        saved.require(base.spec)
        if saved.notes.get("labels") == labels_digest(session.state):
            return saved
    return None


def _base_head(path: Path) -> Head:
    if not path.is_file():
        raise HeadError(
            f"{path}: the initial head of the session does not exist. Put it back, use another "
            "one, or reset the head to the pretrained network."
        )
    return load_head(path)


def _head_at(engine: "FeatureEngine", best: float, radii: tuple[float, ...]) -> Head:
    """Return the pretrained head at given working radii."""
    from activepick.learning.simulated_prior import with_simulated_prior

    backbone = engine.extractor.backbone
    spec = engine.spec(radii if best in radii else (best,))
    return with_simulated_prior(pretrained_head(spec, backbone.weights, backbone.bias, best))


def _readable(session: Session, settings: Settings) -> Iterator["Micrograph"]:
    """Yield micrographs that exist and are unchanged, spread over the dataset.

    Raises
    ------
    SessionError
        If there are no such micrographs.
    """
    from activepick.features.scale_search import spread_out

    problem: ActivepickError | None = SessionError(
        "This session contains no micrographs: add some."
    )
    entries = [e for e in session.state.micrographs.values() if e.status != "rejected"]
    for entry in spread_out(entries, lambda entry: entry.absolute):
        try:
            path = session.micrographs.unchanged_path(entry.id)
        except ActivepickError as error:
            problem = problem and SessionError(str(error))
            continue
        problem = None
        yield open_micrograph(path, settings)
    if problem is not None:
        raise problem
