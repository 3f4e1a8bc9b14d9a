"""Kinds of particles in a session."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activepick.errors import SessionError, SettingsError
from activepick.session import Session
from activepick.session.kinds import kinds_of
from activepick.session.model.actions import AddLabels, parse_action
from activepick.session.model.state import Label


def reopened(session):
    folder = session.folder
    session.close()
    return Session.open(folder)


def test_kinds_are_distinguished_after_a_second_is_added(session):
    assert session.state.settings.kinds == ()
    assert session.state.settings.kind_names == {}
    assert session.kinds.add("proteasome") == 2
    first, second = session.state.settings.kinds
    assert (first.number, first.name, first.key) == (1, "particle", "F")
    assert (second.number, second.name, second.key) == (2, "proteasome", "C")
    assert first.colour != second.colour
    session.kinds.remove(2)
    assert session.state.settings.kinds == ()


def test_a_restored_label_of_a_removed_kind_does_not_get_a_new_kind(session):
    session.kinds.add("proteasome")
    [label] = session.labels.add(1, [(1, 2)], 2)
    session.labels.reclass([label], 1)
    session.kinds.remove(2)
    with reopened(session) as again:
        assert again.kinds.add("virus") == 3
        again.undo()
        assert again.state.labels[label].target == 2


def test_names_keys_colours_thresholds_and_labels_survive_reopening(session):
    session.kinds.add("proteasome")
    session.kinds.change(1, name="ribosome", key="K", colour="#123456", threshold=0.7)
    session.labels.add(1, [(1, 2)], 2)
    with reopened(session) as again:
        first, second = again.state.settings.kinds
        assert (first.name, first.key, first.colour) == ("ribosome", "K", "#123456")
        assert again.state.settings.rules.kind_thresholds == ((1, 0.7),)
        [label] = again.state.labels.values()
        assert label.target == second.number
        assert label.is_particle


@pytest.mark.parametrize("name", ["a,b", "a=b", "", "x" * 61, "a\nb"])
def test_kinds_of_a_head_whose_names_a_session_cannot_have_are_refused(name):
    with pytest.raises(SessionError, match="cannot be the name"):
        kinds_of(["ribosome", name])


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": "proteasome"}, "same name"),
        ({"key": "C"}, "same key"),
        ({"name": " "}, "name"),
        ({"key": "ab"}, "key"),
        ({"colour": "blue"}, "colour"),
        ({"threshold": 1.5}, "threshold"),
    ],
)
def test_invalid_values_of_kinds_are_refused_and_change_nothing(session, facts, said):
    session.kinds.add("proteasome")
    before = session.state.settings
    with pytest.raises(SettingsError, match=said):
        session.kinds.change(1, **facts)
    assert session.state.settings == before


def test_the_first_kind_and_kinds_with_labels_cannot_be_removed(session):
    session.kinds.add("proteasome")
    [label] = session.labels.add(1, [(1, 2)], 2)
    with pytest.raises(SessionError, match="labels of proteasome"):
        session.kinds.remove(2)
    with pytest.raises(SessionError, match="first kind"):
        session.kinds.remove(1)
    with pytest.raises(SessionError, match="no kind"):
        session.kinds.remove(3)
    session.labels.remove([label])
    session.kinds.remove(2)
    assert session.state.settings.kinds == ()


def test_the_number_of_a_removed_kind_is_not_used_again(session):
    session.kinds.add("proteasome")
    [label] = session.labels.add(1, [(1, 2)], 2)
    session.labels.remove([label])
    session.kinds.remove(2)
    session.undo()  # restores a label of a removed kind
    assert session.kinds.add("ribosome") == 3


def test_suggestions_of_a_removed_kind_become_questions(session):
    session.kinds.add("proteasome")
    asked = session.questions.ask([(1, 5, 5, 0.0), (1, 9, 9, 0.0)], [2, 1])
    session.kinds.remove(2)
    assert [q.suggestion for q in session.state.questions] == [None, 1]
    assert session.questions.accept_suggestions() == [asked[1].id]


def test_labels_keep_their_kinds_in_a_round_trip_through_a_table(session):
    session.kinds.add("proteasome")
    session.labels.add(1, [(10, 20), (70, 80)], 1)
    session.labels.add(1, [(200, 30)], 2)
    session.labels.add(2, [(40, 50)], 0)
    session.labels.add(2, [(90, 50)], -1)
    table = session.labels.table()
    assert table["class"].tolist() == [
        "particle", "particle", "proteasome", "contamination", "empty",
    ]  # fmt: skip
    assert table["rlnClassNumber"].tolist() == [1, 1, 2, 0, 0]
    assert table["label"].tolist() == [1, 1, 1, 0, 0]


def test_tables_of_a_session_without_kinds_have_no_column_for_them(session):
    session.labels.add(1, [(10, 20)], 1)
    session.labels.add(1, [(30, 40)], 0)
    assert list(session.labels.table().columns) == ["micrograph", "x", "y", "label"]


def test_imported_rows_have_the_kinds_in_the_table():
    from activepick.session.import_table import Row, compare, find_micrographs

    table = pd.DataFrame(
        [("a.mrc", 10, 10, 1, "ribosome"), ("a.mrc", 60, 10, 1, "proteasome"),
         ("a.mrc", 10, 60, 0, "contamination"), ("a.mrc", 60, 60, 1, "virus")],
        columns=["micrograph", "x", "y", "label", "class"],
    )  # fmt: skip
    kinds = {"ribosome": 1, "proteasome": 2}
    found = find_micrographs(table, {7: "a.mrc"}, {}, lambda number: (100, 100), kinds=kinds)
    assert [row.target for row in found.rows[7]] == [1, 2, 0]
    assert found.open == 1
    plain = find_micrographs(table, {7: "a.mrc"}, {}, lambda number: (100, 100))
    assert [row.target for row in plain.rows[7]] == [1, 1, 0, 1]

    marks = [Label(id=3, micrograph=7, x=60, y=10, target=1), Label(id=4, micrograph=7, x=10, y=10, target=1)]  # fmt: skip  # noqa: E501
    rows = [Row(7, 10.0, 10.0, 1), Row(7, 60.0, 10.0, 2)]
    kept = compare(rows, marks, 5.0, replace=False)
    assert (kept.duplicates, [c.label for c in kept.conflicts]) == (1, [3])
    assert compare(rows, marks, 5.0, replace=True).replaced == {3}


@given(st.none() | st.integers(-1, 9999))
def test_stored_targets_equal_those_of_sessions_without_kinds(target):
    label = Label(id=1, micrograph=1, x=0, y=0, target=target)
    stored = AddLabels(labels=(label,)).model_dump(mode="json")
    assert parse_action(stored).labels == (label,)
    # Carbon or empty ice was stored as 2 before there were kinds.
    number = stored["labels"][0]["target"]
    assert number == {-1: 2, 0: 0, 1: 1, None: None}.get(target, (target or 0) + 1)


@pytest.mark.parametrize("number", [-1, -5, 10001, 1.5, "particle"])
def test_invalid_stored_targets_are_refused(number):
    label = {"id": 1, "micrograph": 1, "x": 0, "y": 0, "target": number}
    with pytest.raises(SessionError, match="not valid"):
        parse_action({"kind": "add_labels", "labels": [label]})
