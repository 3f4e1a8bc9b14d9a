import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick._napari.preferences import Preferences

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(values=st.dictionaries(st.text(), VALUES, max_size=5))
@settings(max_examples=30, deadline=None)
def test_preferences_are_stored_for_the_next_session(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("preferences") / "folder" / "p.json"
    preferences = Preferences(path)
    for name, value in values.items():
        preferences.set(name, value)
    again = Preferences(path)
    for name, value in values.items():
        assert preferences.get(name) == again.get(name) == value


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"text"', b"\xff\xfe\x00", b"{]"])
def test_damaged_preferences_are_treated_as_empty_and_replaced(tmp_path, content):
    path = tmp_path / "p.json"
    path.write_bytes(content)
    preferences = Preferences(path)
    assert preferences.get("diameter", 180.0) == 180.0
    preferences.set("diameter", 120.0)
    assert Preferences(path).get("diameter", 180.0) == 120.0


@pytest.mark.parametrize(
    ("stored", "default", "given"),
    [
        ("12", 180.0, 180.0),
        (12, 180.0, 12),
        (True, 180.0, 180.0),
        (1, True, True),
        (None, "folder", "folder"),
        ([1], None, [1]),
        (True, None, True),
        (False, True, False),
    ],
)
def test_a_preference_of_an_unexpected_type_is_ignored(tmp_path, stored, default, given):
    preferences = Preferences(tmp_path / "p.json")
    preferences.set("name", stored)
    result = preferences.get("name", default)
    assert result == given
    assert type(result) is type(given)


def test_two_windows_keep_the_preferences_of_each_other(tmp_path):
    path = tmp_path / "p.json"
    first, second = Preferences(path), Preferences(path)
    first.set("folder", "/data")
    second.set("batch", 10)
    assert Preferences(path).get("folder") == "/data"
    assert Preferences(path).get("batch") == 10


def test_preferences_that_cannot_be_written_are_kept_in_memory(tmp_path):
    (tmp_path / "file").touch()
    preferences = Preferences(tmp_path / "file" / "p.json")
    preferences.set("batch", 10)
    assert preferences.get("batch", 5) == 10


def test_a_returned_list_can_be_changed_and_stored(tmp_path):
    preferences = Preferences(tmp_path / "p.json")
    preferences.set("recent", ["a"])
    recent = preferences.get("recent", [])
    recent.append("b")
    preferences.set("recent", recent)
    assert Preferences(tmp_path / "p.json").get("recent", []) == ["a", "b"]
