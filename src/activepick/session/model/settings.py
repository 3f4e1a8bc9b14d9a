"""The settings of a session, and what each of them affects."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from activepick.errors import SettingsError

if TYPE_CHECKING:
    from activepick.picking.rules import PickRules

__all__ = ["NAME_OF_KIND", "Effect", "ParticleKind", "Record", "Settings", "checked_settings"]

# What depends on settings. A head also depends on features, and picks on a head.
Effect = Literal["features", "head", "picks", "queries", "display"]

# Tables and command-line options can contain these names: no blank at the ends, no comma and no =.
NAME_OF_KIND = r"^[^\s,=](?:[^\n\r\t,=]*[^\s,=])?$"

_REQUIRED: Any = ...
_RADII = ("working_radius_px", "working_radii_px")


class Record(BaseModel):
    """Base class of immutable parts of a session that are stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _setting(
    default: Any = _REQUIRED,
    *,
    affects: Effect | tuple[Effect, ...] = (),
    resets: tuple[str, ...] = (),
    unless: str | None = None,
    determined: bool = False,
    **limits: float | str,
) -> Any:
    """Declare a setting.

    Parameters
    ----------
    default
        Its default; without one it is required.
    affects
        What has to be recomputed when it changes.
    resets
        Settings that are reset to their defaults when it changes, since they were determined for
        its old value.
    unless
        A setting that is used instead if it is not None.
    determined
        Whether the program determines it and stores it in the session.
    limits
        Limits of its value, as arguments of `pydantic.Field`.
    """
    effects = (affects,) if isinstance(affects, str) else affects
    declared = {"affects": effects, "resets": resets, "unless": unless, "determined": determined}
    return Field(default, json_schema_extra=cast(Any, declared), **cast(Any, limits))


class ParticleKind(Record):
    """A kind of particle that is distinguished from others.

    Attributes
    ----------
    number
        Number that never changes: the target of its labels, and `rlnClassNumber` in tables. The
        first kind of a session has the number 1.
    name
        Name in the window, in tables and in heads.
    key
        Letter of the key that answers with this kind.
    colour
        Colour of its circles, #rrggbb.
    threshold
        Lowest probability of a pick of this kind; None for the common threshold.
    """

    number: int = Field(ge=1, le=9999)
    name: str = Field(max_length=60, pattern=NAME_OF_KIND)
    key: str = Field(pattern=r"^[A-Z]$")
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$")
    threshold: float | None = Field(default=None, ge=0, le=1)


class Settings(Record):
    """The settings of a session. Each declares what it affects.

    Attributes
    ----------
    diameter_angstrom
        Particle diameter in Å.
    pixel_size_angstrom
        Å per pixel; None to take it from each file.
    inverted
        Whether particles are bright.
    expected_particles
        Particles per micrograph, for the expected share of particle pixels; None for the default.
    threshold
        Lowest probability of a pick.
    separation, edge_margin
        Smallest distance between picks, and from the border, in particle radii.
    lowest_contrast, highest_contrast
        Limits of the local contrast of a pick (`activepick.micrograph.contrast`); None for no
        limit.
    kinds
        The kinds of particles, two or more, of which the first has the number 1; empty if kinds
        are not distinguished.
    low_pass_angstrom, high_pass_angstrom
        Resolutions of the display filters in Å; None for values that suit the diameter.
    batch
        Questions in a round.
    strategy
        Strategy by which questions are chosen; see
        `activepick.learning.strategies.registry.STRATEGIES`.
    live_refit
        Whether the head is refitted after each answer, or after each round.
    model, normalisation
        The backbone, and the normalisation of grey values.
    working_radius_px
        Working radius at which the pretrained network suits these particles; None until it is
        determined.
    working_radii_px
        Working radii of the features, `working_radius_px` among them; empty until they are
        determined.
    base_head
        File name, in the folder ``heads`` of the session, of the head that learning starts from;
        features have its working radii. None for the pretrained network.
    seed
        Seed of all random numbers.
    """

    diameter_angstrom: float = _setting(affects="features", resets=_RADII, gt=0)
    pixel_size_angstrom: float | None = _setting(None, affects="features", resets=_RADII, gt=0)
    inverted: bool = _setting(False, affects="features", resets=_RADII)
    expected_particles: float | None = _setting(None, affects="head", gt=0)
    threshold: float = _setting(0.5, affects="picks", ge=0, le=1)
    separation: float = _setting(0.8, affects="picks", ge=0)
    edge_margin: float = _setting(1.0, affects="picks", ge=0)
    lowest_contrast: float | None = _setting(None, affects="picks", ge=0)
    highest_contrast: float | None = _setting(None, affects="picks", ge=0)
    kinds: tuple[ParticleKind, ...] = _setting((), affects="picks")
    low_pass_angstrom: float | None = _setting(None, affects="display", gt=0)
    high_pass_angstrom: float | None = _setting(None, affects="display", gt=0)
    batch: int = _setting(10, affects="queries", ge=1)
    strategy: str = _setting("active", affects="queries")
    live_refit: bool = _setting(True)
    model: str = _setting(
        "resnet16_u64", affects=("features", "head"), resets=(*_RADII, "base_head")
    )
    normalisation: Literal["affine", "gmm"] = _setting(
        "affine", affects=("features", "head"), resets=(*_RADII, "base_head")
    )
    working_radius_px: float | None = _setting(
        None, affects="features", unless="base_head", determined=True, gt=0
    )
    working_radii_px: tuple[float, ...] = _setting(
        (), affects="features", unless="base_head", determined=True
    )
    base_head: str | None = _setting(
        None, affects=("features", "head"), determined=True, pattern=r"^[^/\\]+$"
    )
    seed: int = _setting(0, affects=("head", "queries"), ge=0)

    @field_validator("kinds")
    @classmethod
    def _check_kinds(cls, kinds: tuple[ParticleKind, ...]) -> tuple[ParticleKind, ...]:
        if not kinds:
            return kinds
        if len(kinds) < 2 or kinds[0].number != 1:
            raise ValueError("there are two or more kinds of particles, and the first is number 1")
        for fact in ("number", "name", "key"):
            values = [getattr(kind, fact) for kind in kinds]
            if len(set(values)) < len(values):
                raise ValueError(f"two kinds of particles have the same {fact}")
        return kinds

    @property
    def kind_names(self) -> dict[int, str]:
        """Names of the kinds of particles by number; empty if kinds are not distinguished."""
        return {kind.number: kind.name for kind in self.kinds}

    @property
    def kind_numbers(self) -> dict[str, int]:
        """Numbers of the kinds of particles by name."""
        return {kind.name: kind.number for kind in self.kinds}

    @classmethod
    def affected(cls, names: Iterable[str]) -> set[Effect]:
        """Return what has to be recomputed when the user changes settings.

        Parameters
        ----------
        names
            The settings that change. Settings that the program determines are ignored, since it
            recomputes what depends on them automatically.
        """
        declared = (_declared(name) for name in names)
        return {effect for one in declared if not one["determined"] for effect in one["affects"]}

    def key(self, *effects: Effect, determined: bool = True) -> tuple[tuple[str, object], ...]:
        """Return the names and values of the settings that have one of the effects.

        If two keys are equal, nothing has to be recomputed.

        Parameters
        ----------
        effects
            The effects.
        determined
            Whether settings that the program determines are included.
        """
        return tuple(
            (name, getattr(self, name))
            for name in type(self).model_fields
            if set(effects).intersection(_declared(name)["affects"])
            and (determined or not _declared(name)["determined"])
            and not self._replaced(name)
        )

    def completed(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return changes of settings, including the settings that they reset.

        Parameters
        ----------
        changes
            New values by name; those named here are not reset.
        """
        fields = type(self).model_fields
        new = [name for name in changes if name in fields and changes[name] != getattr(self, name)]
        reset = [other for name in new for other in _declared(name)["resets"]]
        return {**{name: fields[name].default for name in reset}, **changes}

    @property
    def rules(self) -> "PickRules":
        """The rules by which peaks become picks."""
        from activepick.picking.rules import PickRules

        return PickRules(
            threshold=self.threshold,
            separation=self.separation,
            edge_margin=self.edge_margin,
            lowest_contrast=self.lowest_contrast,
            highest_contrast=self.highest_contrast,
            kind_thresholds=tuple(
                (kind.number, kind.threshold) for kind in self.kinds if kind.threshold is not None
            ),
        )

    def _replaced(self, name: str) -> bool:
        other = _declared(name)["unless"]
        return other is not None and getattr(self, other) is not None


def _declared(name: str) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], Settings.model_fields[name].json_schema_extra)


def checked_settings(values: Mapping[str, Any]) -> Settings:
    """Return settings after checking their values.

    Parameters
    ----------
    values
        By name.

    Raises
    ------
    SettingsError
        If a setting is unknown or its value is invalid; the message names it.
    """
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{name} {first.get('input')!r:.80}: {first['msg']}.") from None
