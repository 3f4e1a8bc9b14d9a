"""Fit the head of a workspace to the labels of the session, save it and load it."""

import hashlib
import re
import shutil
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from activepick.atomic import replacing
from activepick.errors import HeadError, SessionError
from activepick.files import read_whole
from activepick.learning.head import Head
from activepick.learning.head_file import load_head, save_head
from activepick.learning.label_review import doubtful_labels
from activepick.learning.loss import expected_pi
from activepick.learning.posterior import Posterior
from activepick.learning.settings import LearnerSettings
from activepick.learning.training import fit_head, head_posterior
from activepick.learning.training_set import MicrographLabels, TrainingExamples
from activepick.session.kinds import kinds_of
from activepick.session.model.state import SessionState
from activepick.wording import counted
from activepick.workspace.features import FeatureSource, Setup
from activepick.workspace.initial_head import head_folder, labels_digest, saved_head_file

__all__ = ["Trainer"]

# Prefix of the copies of initial heads; names chosen by users must not have it.
_BASE = "base-"
# Diameters are estimated by eye: a smaller relative difference is ignored.
_SAME_DIAMETER = 0.1


class Trainer:
    """Trainer of the head of a session, which also saves and loads heads.

    Parameters
    ----------
    source
        The session and its features.
    """

    def __init__(self, source: FeatureSource) -> None:
        self._source = source
        self._session = source.session
        self._fitting = threading.RLock()
        # The setup, the head that was fitted last, and the problems of micrographs by number.
        self._fitted: tuple[Setup, Head, Mapping[int, str]] | None = None

    @property
    def head(self) -> Head:
        """The current head. The first access loads the network and determines the scale."""
        return self.current()[1]

    def current(self) -> tuple[Setup, Head]:
        """Return the current setup and its current head."""
        setup, fitted = self._source.setup(), self._fitted
        return setup, setup.head if fitted is None or fitted[0] is not setup else fitted[1]

    @property
    def unreadable(self) -> Mapping[int, str]:
        """By the number of the micrograph, why labels were not used at the last refit."""
        setup, fitted = self._source.setup(), self._fitted
        return {} if fitted is None or fitted[0] is not setup else fitted[2]

    @property
    def up_to_date(self) -> bool:
        """Whether the head was fitted to the current labels; if not, call `refit`."""
        (setup, head), state = self.current(), self._session.state
        if not state.labels and head is setup.base:
            return True
        return head.notes.get("labels") == labels_digest(state)

    def refit(self) -> Head:
        """Fit the head to all labels of the session.

        The result depends only on the labels and the settings. This takes milliseconds, except if
        there are labels on micrographs whose features have not been computed since the start.

        Returns
        -------
        Head
            The new head; without labels, the head before the first label.
        """
        with self._fitting:
            (setup, old), state = self.current(), self._session.state
            examples = self._examples(setup, state)
            head = setup.base
            if len(examples.targets):
                warm_start = old if old.particles + old.others else None
                learning = self._learning(setup, state, examples)
                kinds = _kind_names(state)
                head = fit_head(setup.base, learning, examples, warm_start, kinds)
            head = replace(
                head,
                diameter_angstrom=state.settings.diameter_angstrom,
                inverted=state.settings.inverted,
                notes={"labels": labels_digest(state)},
            )
            self._fitted = setup, head, _problems(state, examples)
            return head

    def update(self) -> Head:
        """Fit the head if it is not up to date, and return the current head."""
        with self._fitting:
            return self.head if self.up_to_date else self.refit()

    def examples(self) -> TrainingExamples:
        """Return the training examples for the current labels."""
        return self._examples(self._source.setup(), self._session.state)

    def posterior(self) -> Posterior:
        """Compute the posterior of the current head for the current labels."""
        (setup, head), state = self.current(), self._session.state
        examples = self._examples(setup, state)
        return head_posterior(head, setup.base, self._learning(setup, state, examples), examples)

    def doubtful_labels(self) -> dict[int, float]:
        """Compute how strongly each label of the session is contradicted by all other labels.

        If the head is not up to date, it is fitted first.

        Returns
        -------
        dict
            By the `id` of the label, the probability that it is wrong according to all others,
            in decreasing order. Labels that are not used for training are left out.
        """
        with self._fitting:
            self.update()
            (setup, head), state = self.current(), self._session.state
            examples = self._examples(setup, state)
            if not len(examples.targets):
                return {}
            learning = self._learning(setup, state, examples)
        at: dict[tuple[str, float, float, int], list[int]] = {}
        for label in state.labels.values():
            key = state.micrographs[label.micrograph].fingerprint
            at.setdefault((key, label.x, label.y, int(label.is_particle)), []).append(label.id)
        found = doubtful_labels(head, setup.base, learning, examples)
        return {
            number: one.contradiction
            for one in found
            for number in at[one.micrograph, one.x, one.y, one.target]
        }

    @property
    def base_name(self) -> str | None:
        """Name of the head before the first label; None for the pretrained network."""
        name = self._session.state.settings.base_head
        if name is None:
            return None
        notes = self._source.setup().base.notes if self._source.ready else {}
        return str(notes.get("name") or name)

    def save_head(self, path: Path | None = None, name: str | None = None) -> Path:
        """Write the head to a file, with a description of its labels.

        Parameters
        ----------
        path
            Path of the file. By default a file with the given name in the folder of heads of the
            session, or without a name the file from which the session loads its head.
        name
            Name of the head.

        Returns
        -------
        Path
            Path of the file.

        Raises
        ------
        HeadError
            If the file cannot be written, or the name is not allowed.
        """
        within = None
        if path is None:
            path, within = saved_head_file(self._session), self._session.folder
            if name is not None:
                path = path.with_name(f"{_file_name(name)}.safetensors")
        state, head = self._session.state, self.head
        settings = state.settings
        facts = {
            "name": name,
            "saved": datetime.now().astimezone().isoformat(timespec="seconds"),
            "micrographs": len({label.micrograph for label in state.labels.values()}),
            "session": self._session.folder.name,
            "base": self.base_name,
        }
        notes = {**head.notes, **{key: value for key, value in facts.items() if value is not None}}
        kinds = head.kinds
        if kinds is not None:  # they may have been renamed since the fit
            names = _kind_names(state)
            known = tuple(names.get(k, name) for k, name in kinds.name_of.items())
            kinds = replace(kinds, names=known)
        trained = replace(
            head,
            kinds=kinds,
            notes=notes,
            diameter_angstrom=settings.diameter_angstrom,
            inverted=settings.inverted,
        )
        try:
            save_head(trained, path, within=within)
        except OSError as error:
            raise HeadError(
                f"{path} cannot be written ({error.strerror}): choose another folder."
            ) from error
        return path

    def use_head(self, path: Path) -> Head:
        """Use the head in a file as the head before the first label.

        The file is copied into the session, and its working radii are used. Labels are kept, and
        the head is fitted to them. Warnings for the user are added to the notices of the workspace.

        Parameters
        ----------
        path
            Path of the file.

        Returns
        -------
        Head
            The current head; without labels, that of the file.

        Raises
        ------
        HeadError
            If the file is not a head, is for another network, or cannot be copied.
        SessionError
            If the session is read-only.
        """
        loaded, settings = load_head(path), self._session.state.settings
        backbone = self._source.network().extractor.backbone
        if loaded.spec.digest != backbone.digest:
            raise HeadError(
                f"{path}: this head was made for the network {loaded.spec.backbone} "
                f"({loaded.spec.digest}), and the session uses {backbone.name} "
                f"({backbone.digest}). Change the network of the session, or use another head."
            )
        if self._session.read_only:
            raise SessionError(f"{self._session.folder} is open for reading only.")
        digest = hashlib.blake2b(read_whole(path), digest_size=8).hexdigest()
        copy = head_folder(self._session) / f"{_BASE}{digest}.safetensors"
        try:
            if not copy.is_file():
                with replacing(copy, within=self._session.folder) as temporary:
                    shutil.copyfile(path, temporary)
        except OSError as error:
            raise HeadError(
                f"{path} cannot be copied to {copy} ({error.strerror}): free some space, or open "
                "the session for writing."
            ) from error
        changes: dict[str, object] = {"base_head": copy.name}
        if loaded.kinds is not None and not settings.kinds and len(loaded.kinds.names) > 1:
            changes["kinds"] = kinds_of(loaded.kinds.names)
        if settings.normalisation != loaded.spec.normalisation:
            changes["normalisation"] = loaded.spec.normalisation
        self._session.set_settings(**changes)
        diameter = settings.diameter_angstrom
        if loaded.diameter_angstrom and not _same_diameter(loaded.diameter_angstrom, diameter):
            self._source.notices.append(
                f"{path.name} was trained on particles of {loaded.diameter_angstrom:g} Å, and this "
                f"session looks for particles of {diameter:g} Å: it is scaled to them. Check that "
                "the diameter is right, and label some particles."
            )
        if loaded.inverted != settings.inverted:
            was, now = ("bright", "dark") if loaded.inverted else ("dark", "bright")
            self._source.notices.append(
                f"{path.name} was trained on {was} particles, and this session looks for {now} "
                "ones. If both are right, it can be used: images are inverted for it."
            )
        return self.update()

    def reset_head(self) -> Head:
        """Use the pretrained network as the head before the first label; labels are kept."""
        self._session.set_settings(base_head=None)
        return self.update()

    def _examples(self, setup: Setup, state: SessionState) -> TrainingExamples:
        rows: dict[str, list[tuple[float, ...]]] = {}
        kinds = bool(state.settings.kinds)
        for label in state.labels.values():
            key = state.micrographs[label.micrograph].fingerprint
            kind = label.particle_kind if kinds else 0
            row = label.x, label.y, float(label.is_particle), label.weight, kind
            rows.setdefault(key, []).append(row)
        tables = {key: np.array(own, np.float64) for key, own in rows.items()}
        labels = {key: MicrographLabels(t[:, :2], *t[:, 2:].T) for key, t in tables.items()}
        entries = {entry.fingerprint: entry for entry in state.micrographs.values()}
        features = setup.features
        return features.training_set.collect(labels, lambda key: features.store.get(entries[key]))

    def _learning(
        self, setup: Setup, state: SessionState, examples: TrainingExamples
    ) -> LearnerSettings:
        """Return the settings of the training, with the expected number of particles if given."""
        learning, expected = self._source.learning, state.settings.expected_particles
        if expected is None or not examples.keys:
            return learning
        share = expected_pi(expected, *setup.features.size(examples.keys))
        return replace(learning, fit=replace(learning.fit, pi=share))


def _kind_names(state: SessionState) -> dict[int, str]:
    """Return the names of the kinds of particles, also of labels whose kind was removed."""
    names = state.settings.kind_names
    if not names:
        return {}
    used = {label.target for label in state.labels.values() if label.is_particle}
    return {**{k: f"kind {k}" for k in used if k is not None}, **names}


def _problems(state: SessionState, examples: TrainingExamples) -> dict[int, str]:
    """Return the reasons why labels are not used, by the number of the micrograph."""
    found = {}
    for number, entry in state.micrographs.items():
        if entry.fingerprint in examples.unreadable:
            found[number] = examples.unreadable[entry.fingerprint]
        elif entry.fingerprint in examples.outside:
            count = len(examples.outside[entry.fingerprint])
            lie = counted(count, "label lies", "labels lie")
            found[number] = f"{entry.name}: {lie} outside the image."
    return found


def _same_diameter(one_angstrom: float, other_angstrom: float) -> bool:
    return abs(one_angstrom - other_angstrom) <= _SAME_DIAMETER * other_angstrom


def _file_name(name: str) -> str:
    plain = re.sub(r"[^\w.+ -]+", "_", name).strip(" .")
    if not plain or plain == "head" or plain.startswith(_BASE):
        raise HeadError(f"A head cannot be called {name!r}: choose another name.")
    return plain
