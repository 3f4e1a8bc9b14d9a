from activepick.session.model.settings import Settings
from activepick.session.model.state import Label, MicrographEntry, SessionState
from activepick.workspace.next_micrograph import Offer, next_offer


def state(progress, defocus=(), labelled=()):
    defocus = defocus or [None] * len(progress)
    entries = {
        k: MicrographEntry(
            id=k,
            relative=None,
            absolute=f"/{k}.mrc",
            fingerprint=f"{k:x}",
            status=how,
            defocus_angstrom=value,
        )
        for k, (how, value) in enumerate(zip(progress, defocus, strict=True), 1)
    }
    marks = {k: Label(id=k, micrograph=m, x=0, y=0, target=1) for k, m in enumerate(labelled, 1)}
    return SessionState(Settings(diameter_angstrom=1), entries, marks)


def test_a_micrograph_of_unseen_defocus_is_offered_first():
    one = state(["seen", "unseen", "unseen"], [8000.0, 9000.0, 25000.0])
    assert next_offer(one, {}, {2: 0.6, 3: 0.1}) == Offer(3, "defocus")


def test_a_micrograph_with_an_unseen_range_of_scores_is_offered_next():
    one = state(["done"] * 3 + ["unseen"] * 2)
    levels = {1: 0.0, 2: 1.0, 3: 2.0, 4: 1.5, 5: 4.0}
    assert next_offer(one, levels, {4: 0.6, 5: 0.1}) == Offer(5, "scores")
    assert next_offer(one, levels | {5: 1.2}, {4: 0.6, 5: 0.1}) == Offer(4, "unsure")


def test_without_information_micrographs_are_spread_over_the_dataset():
    assert next_offer(state(["unseen"] * 5), {}, {}) == Offer(1, "apart")
    assert next_offer(state(["seen"] + ["unseen"] * 4), {}, {}) == Offer(5, "apart")
    assert next_offer(state(["unseen"] * 5, labelled=[1, 5]), {}, {}) == Offer(3, "apart")


def test_seen_and_rejected_micrographs_are_not_offered():
    assert next_offer(state(["seen", "rejected", "done"]), {}, {}) is None
    assert next_offer(state(["seen", "rejected", "unseen"]), {}, {2: 0.7}) == Offer(3, "apart")
