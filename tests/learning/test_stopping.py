import numpy as np
import pytest

from activepick.learning.stopping import LITTLE, ROUNDS, changed_positions, settled


def grid(count, shift=0.0):
    return np.column_stack([50.0 * np.arange(count) + shift, np.zeros(count)])


def test_picks_that_moved_a_little_are_not_changed_picks():
    one = grid(20)
    assert changed_positions(one, one[::-1], 20) == (0, 40)
    assert changed_positions(one, grid(20, 10), 20) == (0, 40)
    assert changed_positions(one, grid(20, 10.1), 20) == (40, 40)
    assert changed_positions(one, grid(15), 20) == (5, 35)
    assert changed_positions(grid(15), one, 20) == (5, 35)


def test_the_first_picks_are_a_change_and_no_picks_are_none():
    assert changed_positions([], [], 20) == (0, 0)
    assert changed_positions([], grid(3), 20) == (3, 3)
    assert changed_positions(grid(3), [], 20) == (3, 3)


@pytest.mark.parametrize("earlier", [[], [None], [0.3], [0.0, 0.5]])
def test_the_rule_needs_consecutive_rounds_with_little_change(earlier):
    little = [LITTLE / 2] * ROUNDS
    assert settled([*earlier, *little])
    assert not settled([*earlier, *little, LITTLE])
    assert not settled([*earlier, LITTLE, *little[1:]])
    assert not settled([*earlier, *little[1:], None])
