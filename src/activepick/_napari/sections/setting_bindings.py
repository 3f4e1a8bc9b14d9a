"""Bind controls to the settings of the open session."""

from collections.abc import Callable
from typing import Any, Protocol

from magicgui.widgets.bases import ValueWidget

from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener

__all__ = ["SettingBindings"]


class _Signal(Protocol):
    """A signal of Qt or psygnal."""

    def connect(self, slot: Callable[..., object]) -> object: ...


def _same(value: Any) -> Any:
    return value


class SettingBindings(SessionListener):
    """Synchronise controls and settings: a control shows and changes its setting.

    Without a session, controls can be changed freely, and `values` returns their values.
    """

    def __init__(self) -> None:
        self._shows: list[Callable[[OpenSession], object]] = []
        self._shows_previewed: list[Callable[[OpenSession], object]] = []
        self._values: dict[str, Callable[[], Any]] = {}

    def show_session(self, session: OpenSession) -> None:
        """Bind the controls to the settings of a session, and show these."""
        session.settings_changed.connect(self.show)
        session.picks.changed.connect(self._show_previewed)
        self.show()

    def bind(
        self,
        names: tuple[str, ...],
        show: Callable[..., object],
        chosen: _Signal,
        previewed: _Signal | None = None,
    ) -> None:
        """Bind a control to one or several settings.

        Parameters
        ----------
        names
            Names of the settings.
        show
            Called with the values of the settings, to show them without emitting a signal.
        chosen
            Signal of the control with new values of the settings.
        previewed
            Signal of the control with values that are previewed without being set.
        """

        def show_settings(session: OpenSession) -> None:
            settings = session.picks.previewed or session.settings
            show(*(getattr(settings, name) for name in names))

        def preview(*values: Any) -> None:
            changes = dict(zip(names, values, strict=True))
            self.call(lambda session: session.picks.preview(**changes))

        self._shows.append(show_settings)
        chosen.connect(lambda *values: self._choose(dict(zip(names, values, strict=True))))
        if previewed is not None:
            previewed.connect(preview)
            self._shows_previewed.append(show_settings)

    def bind_setting(
        self,
        control: ValueWidget[Any],
        name: str,
        to_control: Callable[[Any], Any] = _same,
        from_control: Callable[[Any], Any] = _same,
    ) -> None:
        """Bind a control of magicgui to a setting.

        Parameters
        ----------
        control
            The control.
        name
            Name of the setting.
        to_control, from_control
            Convert the value of the setting to that of the control, and vice versa.
        """

        def show(value: Any) -> None:
            with control.changed.blocked():
                control.value = to_control(value)

        self._shows.append(lambda session: show(getattr(session.settings, name)))
        self._values[name] = lambda: from_control(control.value)
        control.changed.connect(lambda value: self._choose({name: from_control(value)}))

    def values(self) -> dict[str, Any]:
        """Return the values of the controls of `bind_setting`, by the name of the setting."""
        return {name: value() for name, value in self._values.items()}

    def show(self) -> None:
        """Show the settings of the session in the controls."""
        for show in self._shows:
            self.call(show)

    def _show_previewed(self) -> None:
        """Show values that are previewed, perhaps by a control in another part of the window."""
        for show in self._shows_previewed:
            self.call(show)

    def _choose(self, changes: dict[str, Any]) -> None:
        self.call(lambda session: session.set_settings(**changes))
        self.call(lambda session: session.picks.end_preview())
        self.show()  # a value that was not accepted is replaced by the value of the session
