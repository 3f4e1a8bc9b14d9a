"""How a session picks."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activepick.errors import SettingsError

__all__ = ["Record", "Settings", "checked_settings"]


class Record(BaseModel):
    """A small immutable part of a session that goes to disk as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Settings(Record):
    """How a session picks.

    Attributes
    ----------
    diameter_angstrom
        Particle diameter in Å.
    pixel_size_angstrom
        Å per pixel; None takes it from each file.
    inverted
        Whether particles are bright.
    expected_particles
        Particles per micrograph, for the expected share of particle pixels; None for the default.
    threshold
        Lowest probability of a pick.
    min_distance, edge_margin
        Of picks from each other and from the border, in particle radii.
    lowest_contrast, highest_contrast
        Picks whose local contrast (`micrograph.contrast`) lies outside are left out; None
        for no limit.
    low_pass_angstrom, high_pass_angstrom
        Of the display; None for what suits the diameter.
    batch
        Questions in a round.
    strategy
        How questions are chosen; see `activepick.learning.strategies.registry.STRATEGIES`.
    live_refit
        Whether each answer trains at once, or a round does.
    model, normalisation
        The network, and how grey values are brought to its scale.
    working_radius_px
        Working radius at which the pretrained network suits these particles; None until found.
    working_radii_px
        Working radii of the features, that one among them; empty until found.
    base_head
        File name in the session's `heads` folder of the head that learning starts from and is
        drawn to; its working radii rule. None for the pretrained network.
    seed
        For all that is drawn by lot.
    """

    diameter_angstrom: float = Field(gt=0)
    pixel_size_angstrom: float | None = Field(default=None, gt=0)
    inverted: bool = False
    expected_particles: float | None = Field(default=None, gt=0)
    threshold: float = Field(default=0.5, ge=0, le=1)
    min_distance: float = Field(default=0.8, ge=0)
    edge_margin: float = Field(default=0.0, ge=0)
    lowest_contrast: float | None = Field(default=None, ge=0)
    highest_contrast: float | None = Field(default=None, ge=0)
    low_pass_angstrom: float | None = Field(default=None, gt=0)
    high_pass_angstrom: float | None = Field(default=None, gt=0)
    batch: int = Field(default=10, ge=1)
    strategy: str = "active"
    live_refit: bool = True
    model: str = "resnet16_u64"
    normalisation: Literal["affine", "gmm"] = "affine"
    working_radius_px: float | None = Field(default=None, gt=0)
    working_radii_px: tuple[float, ...] = ()
    base_head: str | None = None
    seed: int = Field(default=0, ge=0)


def checked_settings(values: Mapping[str, Any]) -> Settings:
    """Make settings from a table of values.

    Raises
    ------
    SettingsError
        Naming the setting that is unknown or makes no sense.
    """
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{name} {first.get('input')!r}: {first['msg']}.") from None
