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
    """Settings of a simulated set.

    With the default settings, a set is as difficult to pick as real micrographs.

    Attributes
    ----------
    protein
        Name of a protein, as in `activepick.simulate.proteins.protein_density`.
    mixture
        Further proteins among the particles, each as frequent as `protein`.
    shape
        Height and width of a micrograph in pixels.
    pixel_size_angstrom
        Pixel size in Å.
    microscope
        Voltage, Cs, amplitude contrast and B-factor.
    defocus_um
        Smallest and largest underfocus of the set in µm.
    astigmatism_um
        Largest astigmatism in µm.
    dose_per_angstrom2
        Electrons per Å^2 of the whole exposure.
    crowding
        Smallest and largest share of the field that the discs of the particles would cover if they
        did not overlap.
    overlap_share
        Share of the particles that overlap another one.
    ice_thickness_angstrom
        Smallest and largest mean ice thickness in Å.
    ice_gradient
        Relative standard deviation of the thickness within a micrograph.
    solvent_phase_rad
        Standard deviation of the phase shift in 300 Å of ice, in radians.
    denatured_mass_per_angstrom2
        Mass of unfolded protein at the air-water interface, in dalton per Å^2.
    fragments, aggregates, crystals
        Number of broken particles and of clumps per intact particle, and number of ice crystals per
        µm^2.
    carbon_share
        Share of the micrographs with a carbon edge.
    shot_noise
        Whether to draw the counts of electrons (Poisson noise) instead of the expected counts.
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
        """Densities of `proteins`."""
        return tuple(protein_density(name) for name in self.proteins)

    @property
    def density(self) -> Density:
        """Density of `protein`."""
        return self.densities[0]

    @property
    def diameter_angstrom(self) -> float:
        """Diameter of the largest protein in Å."""
        return max(density.diameter_angstrom for density in self.densities)

    @property
    def radius_px(self) -> float:
        """Half of `diameter_angstrom` in pixels of the micrograph."""
        return self.diameter_angstrom / 2 / self.pixel_size_angstrom
