import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activepick.simulate.optics import Defocus, Microscope, contrast_transfer, frequency_grid


def test_wavelength_and_interaction_constant_have_the_published_values() -> None:
    assert Microscope(voltage_kv=300).wavelength_angstrom == pytest.approx(0.019687, rel=1e-4)
    assert Microscope(voltage_kv=200).wavelength_angstrom == pytest.approx(0.025079, rel=1e-4)
    interaction = Microscope(voltage_kv=300).interaction_rad_per_volt_angstrom
    assert interaction == pytest.approx(6.526e-4, rel=1e-3)


@given(order=st.integers(1, 8), defocus_um=st.floats(0.5, 3.0))
def test_zeros_of_the_ctf_without_aberration_are_analytic(order: int, defocus_um: float) -> None:
    microscope = Microscope(spherical_aberration_mm=0, amplitude_contrast=0)
    k = np.sqrt(order / (microscope.wavelength_angstrom * defocus_um * 1e4))
    zero = np.zeros((1, 1))
    frequency = np.full((1, 1), k)
    values = [
        contrast_transfer(f, zero, microscope, Defocus(defocus_um), envelope=False)[0, 0]
        for f in (0.99 * frequency, frequency, 1.01 * frequency)
    ]
    assert abs(values[1]) < 1e-6
    assert values[0] * values[2] < 0


def test_the_first_zero_with_aberration_and_amplitude_contrast_is_analytic() -> None:
    # 1 µm, 300 kV, 2.7 mm, 0.1: sin(chi + arcsin 0.1) = 0 first at chi = pi - 0.10017.
    k = 0.070185
    chi = np.pi * 0.0196875 * k**2 * (1e4 - 0.5 * 2.7e7 * 0.0196875**2 * k**2)
    assert chi == pytest.approx(np.pi - np.arcsin(0.1), abs=0.01)
    values = contrast_transfer(
        np.array([[k - 5e-4, k + 5e-4]]), np.zeros((1, 1)), Microscope(), Defocus(1.0)
    )
    assert values[0, 0] < 0 < values[0, 1]


def test_particles_are_dark_at_low_frequencies_and_the_envelope_damps() -> None:
    kx, ky = frequency_grid((64, 48), 2.0)
    microscope = Microscope(b_factor_angstrom2=200)
    bare = contrast_transfer(kx, ky, microscope, Defocus(1.5), envelope=False)
    damped = contrast_transfer(kx, ky, microscope, Defocus(1.5))
    assert bare.shape == (64, 25)
    assert bare[0, 0] == pytest.approx(-0.1)
    np.testing.assert_allclose(damped, bare * np.exp(-50 * (kx**2 + ky**2)), atol=1e-12)


def test_astigmatism_separates_the_zeros_along_the_axes() -> None:
    defocus = Defocus(1.5, 0.4, 0.0)
    k = np.full((1, 1), 0.05)
    zero = np.zeros((1, 1))
    along_x = contrast_transfer(k, zero, Microscope(), defocus)
    along_y = contrast_transfer(zero, k, Microscope(), defocus)
    assert along_x == pytest.approx(contrast_transfer(k, zero, Microscope(), Defocus(1.7)))
    assert along_y == pytest.approx(contrast_transfer(zero, k, Microscope(), Defocus(1.3)))
