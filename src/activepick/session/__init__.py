"""What a person saves and returns to: micrographs, settings, labels, questions and history.

Every change is an action; every action is a line in the session's journal. Nothing here knows
about windows, and nothing but `LearningLoop` and the import of tables needs more than the standard
library, pydantic and psygnal.
"""

from activepick.session.model.settings import Settings, checked_settings
from activepick.session.model.state import (
    Area,
    Label,
    MicrographEntry,
    Progress,
    Question,
    RoundRecord,
    SessionState,
    Source,
    Target,
)
from activepick.session.session import Session

__all__ = [
    "Area",
    "Label",
    "MicrographEntry",
    "Progress",
    "Question",
    "RoundRecord",
    "Session",
    "SessionState",
    "Settings",
    "Source",
    "Target",
    "checked_settings",
]
