import pytest

from activepick.formats.names import match_names, micrograph_stem


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Movies/a_b.mrc", "a_b"),
        ("May08_03.05.02.png", "May08_03.05.02"),
        ("May08_03.05.02", "May08_03.05.02"),
        ("AutoPick/job009/Movies/a_autopick.star", "a"),
        ("a.mrc.gz", "a"),
        ("C:\\data\\a.TIF", "a"),
        (".mrc", ".mrc"),
        ("_autopick.star", "_autopick"),
    ],
)
def test_stem(name, stem):
    assert micrograph_stem(name) == stem


@pytest.mark.parametrize(
    ("name", "micrograph"),
    [
        ("Movies/a.mrc", "Movies/a.mrc"),
        ("MotionCorr/job002/Movies/a.mrc", "a.mrc"),
        ("a", "Movies/a.mrc"),
        ("a_autopick.star", "Movies/a.mrc"),
        ("a.tif", "a.mrc"),
        ("012345678901234567890_a.mrc", "a.mrc"),
        ("May08_03.05.02", "May08_03.05.02.png"),
    ],
)
def test_a_name_finds_its_micrograph(name, micrograph):
    found = match_names([name, name], [micrograph, "other.mrc"])
    assert found == {name: micrograph}
    assert not found.unmatched
    assert not found.ambiguous


def test_the_exact_name_wins_over_a_similar_one():
    assert match_names(["x/a.mrc", "a.mrc"], ["a.mrc", "/d/x/a.mrc"]) == {
        "x/a.mrc": "/d/x/a.mrc",
        "a.mrc": "a.mrc",
    }


def test_folders_tell_equal_file_names_apart():
    found = match_names(["1/a.mrc", "2/a.mrc"], ["/d/1/a.mrc", "/d/2/a.mrc"])
    assert found == {"1/a.mrc": "/d/1/a.mrc", "2/a.mrc": "/d/2/a.mrc"}


def test_what_could_be_two_is_listed_and_not_guessed():
    found = match_names(["a.mrc", "b.mrc"], ["1/a.mrc", "2/a.mrc", "b.mrc"])
    assert found == {"b.mrc": "b.mrc"}
    assert found.ambiguous == {"a.mrc": ["1/a.mrc", "2/a.mrc"]}
    found = match_names(["1/a.mrc", "2/a.mrc"], ["a.mrc"])
    assert not found
    assert set(found.ambiguous) == {"1/a.mrc", "2/a.mrc"}


def test_what_is_nowhere_is_listed():
    found = match_names(["q.mrc"], ["a.mrc"])
    assert not found
    assert found.unmatched == ["q.mrc"]
