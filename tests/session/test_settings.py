import pytest
from hypothesis import given
from hypothesis import strategies as st

from activepick.picking.rules import PickRules
from activepick.session import Settings

NAMES = list(Settings.model_fields)


def declared(name):
    return Settings.model_fields[name].json_schema_extra


def test_every_setting_declares_what_it_affects():
    effects = {"features", "head", "picks", "queries", "display"}
    for name in NAMES:
        assert set(declared(name)["affects"]) <= effects
        assert set(declared(name)["resets"]) <= set(NAMES)
        assert declared(name)["unless"] in (None, *NAMES)


@pytest.mark.parametrize(
    ("names", "affected"),
    [
        (["threshold"], {"picks"}),
        (["diameter_angstrom", "working_radius_px", "working_radii_px"], {"features"}),
        (["expected_particles", "low_pass_angstrom"], {"head", "display"}),
        (["model"], {"features", "head"}),
        (["working_radius_px", "working_radii_px", "base_head"], set()),
        (["live_refit"], set()),
    ],
)
def test_a_change_of_a_setting_affects_what_it_declares(names, affected):
    assert Settings.affected(names) == affected


def test_a_key_changes_only_with_the_settings_it_depends_on():
    settings = Settings(diameter_angstrom=100, working_radius_px=7, working_radii_px=(7,))
    changes = {"threshold": 0.2, "separation": 1.5, "batch": 3, "low_pass_angstrom": 20}
    same = settings.model_copy(update=changes)
    assert same.key("features", "head") == settings.key("features", "head")
    assert same.key("picks") != settings.key("picks")
    for change in ({"inverted": True}, {"model": "resnet8_u32"}, {"working_radius_px": 10}):
        other = settings.model_copy(update=change)
        assert other.key("features") != settings.key("features")
    assert other.key("features", determined=False) == settings.key("features", determined=False)


def test_the_working_radii_of_a_base_head_take_precedence():
    settings = Settings(diameter_angstrom=100, base_head="a", working_radius_px=7)
    other = settings.model_copy(update={"working_radius_px": 10.0, "working_radii_px": (10.0,)})
    assert other.key("features") == settings.key("features")
    assert other.model_copy(update={"base_head": "b"}).key("features") != settings.key("features")


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_settings_of_the_user_are_never_reset(changed, named):
    settings = Settings(diameter_angstrom=100)
    changes = {changed: "another value", named: "yet another"}
    assert settings.completed(changes).items() >= changes.items()


def test_equal_values_reset_nothing():
    settings = Settings(diameter_angstrom=100, working_radius_px=7)
    assert settings.completed({"diameter_angstrom": 100.0}) == {"diameter_angstrom": 100.0}
    assert settings.completed({"unknown": 1}) == {"unknown": 1}


def test_the_rules_of_a_new_session_are_the_default_rules():
    assert Settings(diameter_angstrom=100).rules == PickRules()
    rules = Settings(diameter_angstrom=100, separation=1, lowest_contrast=0.5).rules
    assert rules == PickRules(separation=1, lowest_contrast=0.5)
