"""Sessions: micrographs, settings, labels, questions and undo history in a folder.

Every change is an action, and every action is a line in the journal of the session. Nothing here
depends on a window, and importing it loads only the standard library, pydantic and psygnal.
"""

from activepick.session.model.settings import ParticleKind, Settings, checked_settings
from activepick.session.model.state import (
    Area,
    Label,
    MicrographEntry,
    Position,
    Question,
    RoundRecord,
    ScoredPosition,
    SessionState,
    Source,
    Status,
    Target,
    is_particle,
)
from activepick.session.session import Session

__all__ = [
    "Area",
    "Label",
    "MicrographEntry",
    "ParticleKind",
    "Position",
    "Question",
    "RoundRecord",
    "ScoredPosition",
    "Session",
    "SessionState",
    "Settings",
    "Source",
    "Status",
    "Target",
    "checked_settings",
    "is_particle",
]
