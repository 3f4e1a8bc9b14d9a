from activepick._napari.pace import Pace


class Clock:
    """A clock that stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_per_micrograph_counts_only_computed_ones():
    clock = Clock()
    pace = Pace(clock)
    assert pace.text(0, 8) == "Picking 1 of 8"
    for done in (1, 2):  # their features are in memory
        clock.now += 0.2
        pace.text(done, 8)
    clock.now += 2.5
    assert pace.text(2.5, 8) == "Picking 3 of 8, 5.0 s each"
    clock.now += 2.5
    assert pace.text(3, 8) == "Picking 4 of 8, 5.0 s each"
    clock.now += 7
    assert pace.text(4, 8) == "Picking 5 of 8, 6.0 s each"


def test_stored_picks_and_pauses_take_no_time():
    clock = Clock()
    pace = Pace(clock)
    for done in range(1, 1001):
        clock.now += 0.001
        assert pace.text(done, 2000) == f"Picking {done + 1:,} of 2,000"
    # A pause within a micrograph is excluded, but not the time before it.
    clock.now += 2
    assert pace.text(1000.5, 2000) == "Picking 1,001 of 2,000, 4.0 s each"
    for _ in range(2):
        clock.now += 300
        pace.exclude()
    assert pace.text(1000.5, 2000) == "Picking 1,001 of 2,000, 4.0 s each"
    clock.now += 2
    assert pace.text(1001, 2000) == "Picking 1,002 of 2,000, 4.0 s each"
