"""Find first classes of crops from means of similar crops.

Single crops are too noisy to begin classes with: expectation maximisation then ends in classes
that mix views. Here each crop is described by its steerable principal components, the principal
components of each angular frequency, which separate signal from noise and allow a fast comparison
in all rotations. Crops are replaced by the mean of their most similar crops, aligned, which are
compared again (Zhao and Singer 2014, J. Struct. Biol. 186, 153-166). Classes begin around crops
that represent all others best (greedy facility location; Cornuéjols et al. 1977, Manage. Sci. 23,
789-810).
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from activepick.classes.polar import PolarGrid
from activepick.progress import Progress, part_of

__all__ = ["first_classes"]

# Number of rotations that are compared; the highest angular frequency is half as large.
_ROTATIONS = 32
# Number of times that crops are replaced by means of similar crops; the number of similar crops,
# and the number with which a class begins, as shares of the mean size of a class.
_ROUNDS, _SIMILAR, _CORE = 2, 0.2, 0.3
# Factor above the largest variance of noise (Marchenko and Pastur 1967) from which a principal
# component has signal.
_ABOVE_NOISE = 1.02
# Crops that are compared with all others at a time, and images or rows that are used at a time.
_ROWS, _IMAGES = 16, 128


def first_classes(
    images: Tensor, radius_px: float, count: int, report: Progress
) -> tuple[Tensor, Tensor]:
    """Find first classes of crops.

    Parameters
    ----------
    images
        Whitened crops, (n, side, side).
    radius_px
        Radius of the disc that is compared, in pixels.
    count
        Number of classes, at most n.
    report
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    members
        1 for the crops with which each class begins, otherwise 0, (n, k).
    angle
        Rotation in radians that aligns each crop with its class, as in
        `activepick.classes.polar.transform`, (n,).
    """
    values, signal = _components(images, radius_px)
    size = len(images) / count
    similar = max(1, round(_SIMILAR * size))
    similarity = values.real.new_empty((len(images), len(images)))
    turns = torch.empty_like(similarity, dtype=torch.uint8)
    _compare(values, signal, similarity, turns, part_of(report, 0, _ROUNDS + 1))
    for number in range(_ROUNDS):
        others = similarity.topk(similar, dim=1).indices
        means = _mean(values, others, turns.gather(1, others))
        # The noise of a mean has a lower variance.
        part = part_of(report, number + 1, _ROUNDS + 1)
        _compare(means, similar * signal, similarity, turns, part)
    centres = _representatives(similarity, count)
    highest, classes = similarity[:, centres].max(1)
    members = torch.zeros((len(images), count), device=images.device)
    core = max(1, round(_CORE * size))
    for number in range(count):
        own = torch.where(classes == number)[0]
        members[own[highest[own].topk(min(core, len(own))).indices], number] = 1
    turn = turns[:, centres].gather(1, classes[:, None])[:, 0]
    return members, turn * (2 * torch.pi / _ROTATIONS)


def _components(images: Tensor, radius_px: float) -> tuple[Tensor, Tensor]:
    """Return principal components (m, n, d) of each angular frequency and their signal.

    The components have noise of variance 1; the signal is its variance (m, 1, d), 0 for components
    of noise.
    """
    n, side = len(images), images.shape[-1]
    grid = PolarGrid.of(radius_px)
    spectra = torch.cat([_low(grid, part) for part in torch.split(images, _IMAGES)], 1)
    spectra[0] -= spectra[0].mean(0)
    # White noise is a sum of independent pixels.
    pixels = torch.arange(side**2, device=images.device)
    noise = torch.zeros((len(spectra), grid.rings, grid.rings), device=images.device)
    for part in torch.split(pixels, _IMAGES):
        single = one_hot(part, side**2).to(torch.float32).view(-1, side, side)
        noise += _covariance(_low(grid, single))
    # Rings near the centre do not have high frequencies.
    least = 1e-3 * torch.diagonal(noise, dim1=1, dim2=2).mean()
    noise += least * torch.eye(grid.rings, device=images.device)
    factor = torch.linalg.cholesky(noise).to(spectra.dtype)
    white = torch.linalg.solve_triangular(factor, spectra.mT, upper=False).mT
    variance, directions = torch.linalg.eigh(_covariance(white) / n)
    # Most components are noise.
    level = variance.median()
    signal = variance / level - 1
    signal[signal < _ABOVE_NOISE * (1 + (grid.rings / n) ** 0.5) ** 2 - 1] = 0
    used = (signal > 0).any(0)
    values = white @ directions.to(white.dtype)[:, :, used] / level.sqrt()
    return values, signal[:, None, used]


def _low(grid: PolarGrid, images: Tensor) -> Tensor:
    """Return the low angular frequencies of images, (m, n, rings)."""
    shifts = images.new_zeros((len(images), 2))
    return grid.spectra(images, shifts)[: _ROTATIONS // 2]


def _covariance(spectra: Tensor) -> Tensor:
    # It is real, since images and their mirror images are equally likely.
    product: Tensor = (spectra.mH @ spectra).real
    return product


def _compare(
    values: Tensor, signal: Tensor, similarity: Tensor, turns: Tensor, report: Progress
) -> None:
    """Set the correlations (n, n) of all crops in their best rotations, and these rotations."""
    filtered = values * (signal / (signal + 1))
    grid = PolarGrid(filtered.shape[-1], _ROTATIONS)
    filtered /= grid.norms(filtered).clamp(min=1e-12).sqrt()[:, None]
    for start in range(0, len(similarity), _ROWS):
        report(start / len(similarity))
        part = slice(start, start + _ROWS)
        highest, best = grid.correlations(filtered[:, part], filtered).max(2)
        similarity[part], turns[part] = highest, best.to(torch.uint8)


def _mean(values: Tensor, others: Tensor, turns: Tensor) -> Tensor:
    """Return the mean (m, n, d) of other crops (n, s), rotated by turns (n, s)."""
    frequency = torch.arange(len(values), device=values.device)[:, None, None]
    phase = torch.exp(-2j * torch.pi / _ROTATIONS * frequency * turns)
    total = torch.zeros_like(values)
    for column in range(others.shape[1]):
        total += values[:, others[:, column]] * phase[:, :, column, None]
    return total / others.shape[1]


def _representatives(similarity: Tensor, count: int) -> list[int]:
    """Choose crops such that the sum of the similarities of all crops to the best is high."""
    n = len(similarity)
    highest = similarity.new_zeros(n)
    chosen: list[int] = []
    for _ in range(count):
        gain = similarity.new_zeros(n)
        for start in range(0, n, _IMAGES):
            part = slice(start, start + _IMAGES)
            gain += (similarity[part] - highest[part, None]).clamp_(min=0).sum(0)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        highest = torch.maximum(highest, similarity[:, chosen[-1]])
    return chosen
