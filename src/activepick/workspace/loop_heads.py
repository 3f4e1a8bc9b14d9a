"""The part of the loop that keeps heads."""

import hashlib
import re
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from activepick.atomic import replacing
from activepick.errors import HeadError, SessionError
from activepick.learning.head import Head
from activepick.learning.head_file import load_head, save_head
from activepick.workspace.initial_head import head_file
from activepick.workspace.loop_dataset import DatasetLoop

__all__ = ["HeadKeepingLoop"]

# Copies of the heads that learning starts from; other names are free for people.
_BASE = "base-"


class HeadKeepingLoop(DatasetLoop):
    """The part of `LearningLoop` that saves and loads heads."""

    @property
    def base_name(self) -> str | None:
        """Name of the head that learning starts from; None for the pretrained network."""
        name = self.session.state.settings.base_head
        if name is None:
            return None
        base = self._tools().base if self.ready else None
        return str((base.notes.get("name") if base is not None else None) or name)

    def save_head(self, path: Path | None = None, name: str | None = None) -> Path:
        """Write the head to a file, with what it was trained on.

        Parameters
        ----------
        path
            Where; with a name alone a file of that name among the session's heads, and with
            neither where the session finds it on reopening.
        name
            What a person calls it.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        HeadError
            When the file cannot be written, or the name is one that files cannot have.
        """
        if path is None:
            path = head_file(self.session)
            if name is not None:
                path = path.with_name(f"{_file_name(name)}.safetensors")
        state, head = self.session.state, self.head
        settings = state.settings
        facts = {
            "name": name,
            "saved": datetime.now().astimezone().isoformat(timespec="seconds"),
            "micrographs": len({label.micrograph for label in state.labels.values()}),
            "session": self.session.folder.name,
            "base": self.base_name,
        }
        notes = {**head.notes, **{key: value for key, value in facts.items() if value is not None}}
        trained = replace(
            head,
            notes=notes,
            diameter_angstrom=settings.diameter_angstrom,
            inverted=settings.inverted,
        )
        try:
            save_head(trained, path)
        except OSError as error:
            raise HeadError(
                f"{path} cannot be written ({error.strerror}): choose another folder."
            ) from error
        return path

    def use_head(self, path: Path) -> Head:
        """Make a head from a file the one that learning starts from and is drawn to.

        The file is copied into the session. The working radii of the head rule from now on. Labels
        stay, and train it. What a person should know is added to `notices`.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        Head
            The head as it is then: that of the file while there is no label.

        Raises
        ------
        HeadError
            When the file is no head, is for another network, or cannot be copied.
        """
        loaded, settings = load_head(path), self.session.state.settings
        made = self._made
        ready = made is not None and self.ready
        engine = made.engine if made is not None and ready else self._make_engine(settings)
        backbone = engine.extractor.backbone
        if loaded.spec.digest != backbone.digest:
            raise HeadError(
                f"{path}: this head was made for the network {loaded.spec.backbone} "
                f"({loaded.spec.digest}), and the session uses {backbone.name} "
                f"({backbone.digest}). Set the session's network to that, or use another head."
            )
        digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
        name = f"{_BASE}{digest}.safetensors"
        copy = head_file(self.session).with_name(name)
        if self.session.read_only:
            raise SessionError(f"{self.session.folder} is open for reading only.")
        try:
            if not copy.is_file():
                with replacing(copy) as temporary:
                    shutil.copyfile(path, temporary)
        except OSError as error:
            raise HeadError(
                f"{path} cannot be copied to {copy} ({error.strerror}): free some space, or open "
                "the session for writing."
            ) from error
        changes: dict[str, object] = {"base_head": name}
        if settings.normalisation != loaded.spec.normalisation:
            changes["normalisation"] = loaded.spec.normalisation
        self.session.set_settings(**changes)
        if loaded.inverted != settings.inverted:
            was, now = ("bright", "dark") if loaded.inverted else ("dark", "bright")
            self.notices.append(
                f"{path.name} was trained on {was} particles, and this session looks for {now} "
                "ones: it can be used, as images are turned for it, if both are right."
            )
        return self._learnt()

    def reset_head(self) -> Head:
        """Go back to the pretrained network as what learning starts from; labels stay."""
        self.session.set_settings(base_head=None)
        return self._learnt()

    def _learnt(self) -> Head:
        with self._fitting:
            return self.head if self.up_to_date else self.refit()


def _file_name(name: str) -> str:
    plain = re.sub(r"[^\w.+ -]+", "_", name).strip(" .")
    if not plain or plain == "head" or plain.startswith(_BASE):
        raise HeadError(f"A head cannot be called {name!r}: choose another name.")
    return plain
