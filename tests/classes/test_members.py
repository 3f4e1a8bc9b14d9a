import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activepick.classes.members import LABELS_PER_CLASS, label_weight, spread_members


@given(
    st.lists(st.tuples(st.integers(1, 4), st.floats(0, 100), st.floats(0, 100)), max_size=40),
    st.integers(1, 15),
)
def test_the_sample_has_distinct_members_in_equal_numbers_of_each_micrograph(members, count):
    groups = np.array([number for number, *_ in members], int)
    xy = np.array([place for _, *place in members]).reshape(-1, 2)
    rows = spread_members(groups, xy, np.linspace(1, 0.1, len(members)), count)
    assert len(set(rows.tolist())) == len(rows) == min(count, len(members))
    taken = {number: int((groups[rows] == number).sum()) for number in set(groups.tolist())}
    most = max(taken.values(), default=0)
    # A micrograph that has fewer than another one has no more members.
    assert all(one >= most - 1 or one == (groups == number).sum() for number, one in taken.items())


def test_members_are_far_from_each_other_and_the_first_is_the_most_probable():
    xy = np.array([(0, 0), (1, 0), (0, 1), (100, 100), (99, 100), (100, 0)], float)
    rows = spread_members(np.ones(6, int), xy, [0.5, 0.9, 0.5, 0.8, 0.7, 0.6], 3)
    assert rows[0] == 1
    assert set(rows[1:]) == {3, 5} or set(rows[1:]) == {4, 5}


def test_the_total_weight_of_the_labels_of_a_class_is_limited():
    assert label_weight(1) == 1
    totals = [n * label_weight(n) for n in (LABELS_PER_CLASS, 5 * LABELS_PER_CLASS)]
    assert totals[0] == pytest.approx(totals[1])
    assert totals[0] < LABELS_PER_CLASS
