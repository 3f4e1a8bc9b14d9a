import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.formats.names import match_names, micrograph_stem, without_uid


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Movies/a_b.mrc", "a_b"),
        ("May08_03.05.02.png", "May08_03.05.02"),
        ("May08_03.05.02", "May08_03.05.02"),
        ("AutoPick/job009/Movies/a_autopick.star", "a"),
        ("a.mrc.gz", "a"),
        ("C:\\data\\a.TIF", "a"),
        ("a_manualpick.star", "a"),
        ("info/a_info.json", "a"),
        ("a_info.star", "a_info"),
        ("gold_particles.box", "gold_particles"),
        (".mrc", ".mrc"),
        ("_autopick.star", "_autopick"),
    ],
)
def test_the_stem_is_the_name_without_folders_and_extensions(name, stem):
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


def test_folders_distinguish_equal_file_names():
    found = match_names(["1/a.mrc", "2/a.mrc"], ["/d/1/a.mrc", "/d/2/a.mrc"])
    assert found == {"1/a.mrc": "/d/1/a.mrc", "2/a.mrc": "/d/2/a.mrc"}


def test_ambiguous_names_are_listed_and_not_matched():
    found = match_names(["a.mrc", "b.mrc"], ["1/a.mrc", "2/a.mrc", "b.mrc"])
    assert found == {"b.mrc": "b.mrc"}
    assert found.ambiguous == {"a.mrc": ["1/a.mrc", "2/a.mrc"]}
    found = match_names(["1/a.mrc", "2/a.mrc"], ["a.mrc"])
    assert not found
    assert set(found.ambiguous) == {"1/a.mrc", "2/a.mrc"}


def test_names_without_a_match_are_listed():
    found = match_names(["q.mrc"], ["a.mrc"])
    assert not found
    assert found.unmatched == ["q.mrc"]


UID = "003512089177620345522_"


@pytest.mark.parametrize(
    ("name", "micrograph"),
    [
        (f"J2/motioncorrected/{UID}a_patch_aligned_doseweighted.mrc", "Movies/a.mrc"),
        (f"{UID}a.mrc", "a.tif"),
        ("a", f"J2/motioncorrected/{UID}a_rigid_aligned.mrc"),
        ("a_DW.mrc", "a.mrc"),
        ("Movies/a_doseweighted.mrc", "a_aligned.mrc"),
        ("Movies/a_aligned_mic_DW.mrc", "a"),
        ("info/a_info.json", "micrographs/a.hdf"),
        ("a_automatch.star", "a.mrc"),
    ],
)
def test_prefixes_and_suffixes_of_programs_are_ignored(name, micrograph):
    found = match_names([name], [micrograph.replace(".hdf", ".mrc"), "other.mrc", "aa.mrc"])
    assert found == {name: micrograph.replace(".hdf", ".mrc")}


def test_the_closest_name_wins_and_loose_matches_are_reported():
    names = ["a.mrc", "a_DW.mrc"]
    assert match_names(["x/a_DW.mrc", "x/a.mrc"], names) == {
        "x/a_DW.mrc": "a_DW.mrc",
        "x/a.mrc": "a.mrc",
    }
    assert match_names(["a_DW.mrc"], names).loose == []
    assert match_names(["a_DW.mrc"], ["a.mrc"]).loose == ["a_DW.mrc"]
    both = match_names(["a_aligned"], names)
    assert not both
    assert both.ambiguous == {"a_aligned": names}


def test_folders_distinguish_names_without_extensions():
    micrographs = ["/d/Movies1/a.mrc", "/d/Movies2/a.mrc"]
    found = match_names(["Movies2/a", "Movies1/a_autopick.star"], micrographs)
    assert found == {"Movies2/a": micrographs[1], "Movies1/a_autopick.star": micrographs[0]}


def test_a_prefix_of_cryosparc_is_removed():
    assert without_uid(f"J2/motioncorrected/{UID}a_1.mrc") == "a_1.mrc"
    assert without_uid("20170629_00021_frameImage.mrc") == "20170629_00021_frameImage.mrc"
    assert without_uid(UID) == UID


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "b/a", "c/b/a.mrc", f"{UID}a", "a_DW", "d", "b/d.tif"]), max_size=5
    ),
    st.lists(st.sampled_from(["a.mrc", "b/a.mrc", "a_DW.mrc", "x/a.mrc", "d.mrc"]), max_size=5),
)  # fmt: skip
def test_every_name_is_matched_or_listed_and_no_micrograph_is_given_twice(names, micrographs):
    found = match_names(names, micrographs)
    assert sorted({*found, *found.unmatched, *found.ambiguous}) == sorted(set(names))
    assert len(found) + len(found.unmatched) + len(found.ambiguous) == len(set(names))
    assert len(set(found.values())) == len(found)
    assert set(found.values()) <= set(micrographs)


@pytest.mark.parametrize(
    ("name", "micrograph"),
    [
        ("picks/a_topazpicks", "Movies/a.mrc"),
        ("a_checked.star", "a.mrc"),
        ("Extract/job012/Movies/a_extract.star", "MotionCorr/job002/Movies/a.mrc"),
        ("Extract/job007/Movies/a_particles.mrcs", "a.mrc"),
        ("a-picks by hand", "a.mrc"),
        ("a.threshold0.3.txt", "a.mrc"),
        ("a_DW_topazpicks", "a_aligned.mrc"),
        (f"{UID}a_patch_aligned_topazpicks", "a.tif"),
        ("a_picks", f"{UID}a_patch_aligned_doseweighted.mrc"),
        ("FoilHole_1_Data_2_fractions", "FoilHole_1_Data_2.mrc"),
        ("foilhole_1_data_2.mrc", "FoilHole_1_Data_2_Fractions.mrc"),
        ("FOILHOLE_1_Data_2_pick", "FoilHole_1_Data_2_Fractions_aligned_DW.mrc"),
    ],
)
def test_names_with_another_ending_or_case_match_and_are_reported(name, micrograph):
    others = ["aa.mrc", "Movies/a_2.mrc", "FoilHole_1.mrc", "FoilHole_1_Data_22.mrc", "picks.mrc"]
    found = match_names([name], [*others, micrograph])
    assert found == {name: micrograph}
    assert found.loose == [name]


def test_a_name_that_ends_like_a_pick_file_is_kept():
    both = ["gold.mrc", "gold_particles.mrc"]
    assert match_names(["gold", "gold_particles"], both) == {
        "gold": "gold.mrc",
        "gold_particles": "gold_particles.mrc",
    }
    assert match_names(["gold_particles"], both) == {"gold_particles": "gold_particles.mrc"}
    found = match_names(["gold_particles_picks", "gold_picks"], both)
    assert found == {"gold_particles_picks": "gold_particles.mrc", "gold_picks": "gold.mrc"}
    # The longer name is already matched, so the shorter one is not.
    found = match_names(["gold_particles", "gold_particles_picks"], both)
    assert found == {"gold_particles": "gold_particles.mrc"}
    assert found.ambiguous == {"gold_particles_picks": ["gold_particles.mrc"]}


@pytest.mark.parametrize("name", ["a_2", "a_2_picks", "a_picks.mrc", "a_picks.tif", "ab_picks"])
def test_a_micrograph_is_not_matched_to_one_with_a_shorter_name(name):
    found = match_names([name], ["a.mrc"])
    assert not found
    assert found.unmatched == [name]


def test_names_with_the_same_beginning_or_case_are_ambiguous():
    found = match_names(["a_picks", "b_x", "b_y"], ["1/a.mrc", "2/a.mrc", "b.mrc"])
    assert not found
    assert found.ambiguous == {
        "a_picks": ["1/a.mrc", "2/a.mrc"],
        "b_x": ["b.mrc"],
        "b_y": ["b.mrc"],
    }
    assert match_names(["2/a_picks"], ["1/a.mrc", "2/a.mrc"]) == {"2/a_picks": "2/a.mrc"}
    cases = ["A.mrc", "a.mrc"]
    assert match_names(["a", "A"], cases) == {"a": "a.mrc", "A": "A.mrc"}
    assert match_names(["b"], ["B.mrc", "B_Fractions.mrc"]).ambiguous == {
        "b": ["B.mrc", "B_Fractions.mrc"]
    }


@pytest.mark.parametrize(
    ("names", "micrographs", "doubtful"),
    [
        (["B", "b"], ["B.mrc", "B_Fractions.mrc"], "b"),
        (["a.mrc", "a_aligned"], ["a.mrc", "a_DW.mrc"], "a_aligned"),
        (["a.mrc", "y/a.mrc"], ["a.mrc", "z/a.mrc"], "y/a.mrc"),
        (["1/a", "a_picks"], ["1/a.mrc", "2/a.mrc"], "a_picks"),
    ],
)
def test_a_remaining_micrograph_is_not_matched_by_elimination(names, micrographs, doubtful):
    found = match_names(names, micrographs)
    assert found == {names[0]: micrographs[0]}
    assert found.ambiguous == {doubtful: micrographs}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9), st.booleans(), st.booleans())
def test_numbers_of_images_in_stacks_are_ignored(number, in_name, in_micrograph):
    name, micrograph = "Movies/a.mrcs", "MotionCorr/job002/Movies/a.mrcs"
    name = f"{number:06d}@{name}" if in_name else name
    micrograph = f"{number:06d}@{micrograph}" if in_micrograph else micrograph
    assert match_names([name], [micrograph, "x/a.mrcs"]) == {name: micrograph}


WORD = st.sampled_from(["a", "A", "b", "1", "22", "picks", "fractions", "DW"])
WORDS = st.lists(WORD, min_size=1)
NAMES = st.lists(WORDS.map("_".join), max_size=6)


@settings(max_examples=300, deadline=None)
@given(NAMES, NAMES)
def test_no_micrograph_is_matched_to_two_similar_names(names, stems):
    micrographs = [f"{stem}.mrc" for stem in dict.fromkeys(stems)]
    found = match_names(names, micrographs)
    assert len(found) + len(found.unmatched) + len(found.ambiguous) == len(set(names))
    assert len(set(found.values())) == len(found)
    for name in set(names):
        if f"{name}.mrc" in micrographs:
            assert found[name] == f"{name}.mrc"
            assert name not in found.loose
    for name in found.loose:
        assert name.lower()[0] == found[name].lower()[0]


def test_a_second_name_of_a_micrograph_is_reported_differently_from_a_missing_one():
    found = match_names(["m/a.mrc", "a", "a_checked", "b"], ["m/a.mrc"])
    assert found == {"m/a.mrc": "m/a.mrc"}
    assert found.ambiguous == {"a": ["m/a.mrc"], "a_checked": ["m/a.mrc"]}
    assert found.unmatched == ["b"]


def test_decomposed_accents_of_macos_match():
    composed, decomposed = (unicodedata.normalize(form, "für_1") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert match_names([decomposed], [f"{composed}.mrc"]) == {decomposed: f"{composed}.mrc"}
    assert match_names([f"{composed}_extract"], [f"{decomposed}.mrc"])
