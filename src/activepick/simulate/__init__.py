"""Simulate micrographs with known particles that are as difficult to pick as real ones."""

from activepick.simulate.dataset import (
    SimulatedDataset,
    simulate_dataset,
    simulated_micrographs,
    write_mrc,
)
from activepick.simulate.densities import Density
from activepick.simulate.micrograph import SimulatedMicrograph, simulate_micrograph
from activepick.simulate.optics import Microscope
from activepick.simulate.proteins import PROTEINS, protein_density
from activepick.simulate.settings import SimulationSettings

__all__ = [
    "PROTEINS",
    "Density",
    "Microscope",
    "SimulatedDataset",
    "SimulatedMicrograph",
    "SimulationSettings",
    "protein_density",
    "simulate_dataset",
    "simulate_micrograph",
    "simulated_micrographs",
    "write_mrc",
]
