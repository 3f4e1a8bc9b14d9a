"""Rows of the tables of micrographs."""

from collections.abc import Sequence

from activepick._napari.open_session import OpenSession
from activepick._napari.views.micrograph_rows import Row

__all__ = ["session_rows"]


def session_rows(session: OpenSession, numbers: Sequence[int]) -> list[Row]:
    """Return the rows of micrographs, given by their numbers."""
    state, dataset = session.state, session.dataset
    counts, uncertainties = session.counts(numbers), dataset.uncertainties(numbers)
    contrasts, means = dataset.contrasts(numbers), dataset.mean_scores(numbers)
    return [
        Row(
            number=number,
            name=state.names[number],
            state=state.micrographs[number].status,
            labels=len(state.labels_of(number)),
            picks=counts.get(number),
            uncertainty=uncertainties.get(number),
            note=dataset.errors.get(number, ""),
            defocus_angstrom=state.micrographs[number].defocus_angstrom,
            contrast=contrasts.get(number),
            mean_score=means.get(number),
        )
        for number in numbers
    ]
