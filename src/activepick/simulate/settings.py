"""Settings of a simulation."""

from dataclasses import dataclass, field
from functools import cached_property

from activepick.errors import SettingsError
from activepick.simulate.densities import Density
from activepick.simulate.optics import Microscope
from activepick.simulate.proteins import protein_density

__all__ = ["SimulationSettings"]


@dataclass(frozen=True)
class SimulationSettings:
    """Settings of a simulated set; with the defaults it is as hard to pick as real micrographs.

    Attributes
    ----------
    protein
        A key of `activepick.simulate.proteins.PROTEINS`.
    mixture
        Further proteins among the particles, each as frequent as `protein`.
    shape
        (H, W) of a micrograph in pixels.
    pixel_size_angstrom
        Pixel size.
    microscope
        Voltage, Cs, amplitude contrast and B-factor.
    defocus_um
        Least and largest underfocus of the set.
    astigmatism_um
        Largest astigmatism.
    dose_per_angstrom2
        Electrons per Å^2 of the whole exposure.
    crowding
        Least and largest share of the field that the discs of the particles would cover if none
        overlapped.
    overlap_share
        Share of the particles that are put onto another one.
    ice_thickness_angstrom
        Least and largest mean ice thickness.
    ice_gradient
        Relative standard deviation of the thickness within a micrograph.
    solvent_phase_rad
        Standard deviation of the phase of 300 Å of ice.
    denatured_mass_per_angstrom2
        Mass of unfolded protein at the air-water interface, in dalton per Å^2.
    fragments, aggregates, crystals
        Broken particles, clumps and ice crystals: numbers per intact particle for the first two,
        per square micrometre for the last.
    carbon_share
        Share of the micrographs with a carbon edge.
    shot_noise
        Whether the electrons are counted (Poisson noise) or the expected counts are given.
    """

    protein: str = "barrel"
    mixture: tuple[str, ...] = ()
    shape: tuple[int, int] = (1024, 1024)
    pixel_size_angstrom: float = 2.0
    microscope: Microscope = field(default_factory=Microscope)
    defocus_um: tuple[float, float] = (0.8, 2.5)
    astigmatism_um: float = 0.04
    dose_per_angstrom2: float = 40.0
    crowding: tuple[float, float] = (0.28, 0.5)
    overlap_share: float = 0.35
    ice_thickness_angstrom: tuple[float, float] = (250.0, 600.0)
    ice_gradient: float = 0.12
    solvent_phase_rad: float = 0.03
    denatured_mass_per_angstrom2: float = 8.0
    fragments: float = 0.5
    aggregates: float = 1.0
    crystals: float = 40.0
    carbon_share: float = 0.4
    shot_noise: bool = True

    def __post_init__(self) -> None:
        if len({self.protein, *self.mixture}) <= len(self.mixture):
            raise SettingsError("A protein is given twice; use different proteins for a mixture.")
        if min(self.shape) * self.pixel_size_angstrom < 3 * self.diameter_angstrom:
            raise SettingsError(
                f"A field of {self.shape[0]} x {self.shape[1]} pixels of "
                f"{self.pixel_size_angstrom:g} Å is too small for particles of "
                f"{self.diameter_angstrom:g} Å; make its sides at least three diameters."
            )
        if not 0.5 <= self.pixel_size_angstrom <= 8:
            raise SettingsError(
                f"A pixel size of {self.pixel_size_angstrom:g} Å cannot be simulated; "
                "choose one between 0.5 and 8 Å."
            )
        for name in ("defocus_um", "crowding", "ice_thickness_angstrom"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise SettingsError(
                    f"{name} is {low:g} to {high:g}; give a positive least and largest value."
                )
        for name in (
            "astigmatism_um",
            "ice_gradient",
            "solvent_phase_rad",
            "denatured_mass_per_angstrom2",
            "fragments",
            "aggregates",
            "crystals",
        ):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name} is {getattr(self, name):g}; give 0 or more.")
        for name in ("overlap_share", "carbon_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} is {getattr(self, name):g}; give a share of 0 to 1.")
        if self.dose_per_angstrom2 <= 0:
            raise SettingsError(
                f"dose_per_angstrom2 is {self.dose_per_angstrom2:g}; give a positive dose."
            )

    @property
    def proteins(self) -> tuple[str, ...]:
        """Names of all proteins among the particles."""
        return (self.protein, *self.mixture)

    @cached_property
    def densities(self) -> tuple[Density, ...]:
        """The density of each of the `proteins`."""
        return tuple(protein_density(name) for name in self.proteins)

    @property
    def density(self) -> Density:
        """The density of `protein`."""
        return self.densities[0]

    @property
    def diameter_angstrom(self) -> float:
        """The diameter of the largest of the proteins."""
        return max(density.diameter_angstrom for density in self.densities)

    @property
    def radius_px(self) -> float:
        """Half of `diameter_angstrom` in pixels of the micrograph."""
        return self.diameter_angstrom / 2 / self.pixel_size_angstrom
