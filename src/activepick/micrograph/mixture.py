"""Estimate the grey values of the background as the brighter of two Gaussians.

The mixture is that of Topaz (Bepler et al. 2019, doi:10.1038/s41592-019-0575-8; `topaz.stats`):
two Gaussians of equal variance, the brighter of which is the background, a Beta(900, 1) prior on
the share of the background, eleven starts, and a single Gaussian as a further candidate. Topaz uses
all pixels in every step; here, the steps use a fine histogram that keeps the count, the mean and
the variance of the pixels in each bin.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["Histogram", "background_mixture"]

ALPHA = 900.0
BETA = 1.0
STARTING_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
MAX_STEPS = 100
TOLERANCE = 1e-3
BINS = 1024
# Lower limits, since images with few grey values would give a variance of 0 and a share of 1.
MIN_VARIANCE_SHARE = 1e-6
MAX_SHARE = 1 - 1e-12

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """Histogram of pixels.

    Attributes
    ----------
    count, mean, variance
        Number of pixels in each bin that is not empty, their mean and variance, float64.
    """

    count: Doubles
    mean: Doubles
    variance: Doubles

    @classmethod
    def of(cls, pixels: NDArray[np.float32], bins: int = BINS) -> "Histogram":
        """Return a histogram with equal bins around the median and wider bins far from it.

        Parameters
        ----------
        pixels
            Values of any shape, which are not all equal.
        bins
            Number of bins from the smallest value to the largest.
        """
        values = pixels.ravel().astype(np.float64)
        low, median, high = np.quantile(
            values[:: max(1, values.size // 100_000)], (0.25, 0.5, 0.75)
        )
        values -= median
        # With equal bins, a single hot pixel would put all others into a few bins.
        spread = (high - low) or values.std()
        warped = np.arcsinh(values / spread)
        lowest = warped.min()
        warped -= lowest
        warped *= bins / warped.max()
        index = np.minimum(warped.astype(np.int32), bins - 1)
        count = np.bincount(index, minlength=bins).astype(np.float64)
        used = count > 0
        total = np.bincount(index, values, minlength=bins)
        squares = np.bincount(index, values * values, minlength=bins)
        mean = total[used] / count[used]
        variance = np.maximum(squares[used] / count[used] - mean**2, 0)
        return cls(count[used], mean + median, variance)


def background_mixture(histogram: Histogram) -> tuple[float, float]:
    """Fit the mixture by expectation maximisation, from all starts at once.

    Parameters
    ----------
    histogram
        The pixels.

    Returns
    -------
    tuple of float
        Mean and standard deviation of the brighter Gaussian, for the most probable fit.
    """
    n = histogram.count.sum()
    share_below = np.cumsum(histogram.count) / n
    mean = float(np.average(histogram.mean, weights=histogram.count))
    spread = np.average((histogram.mean - mean) ** 2 + histogram.variance, weights=histogram.count)
    # The single Gaussian uses the unbiased variance, and the prior enters as its density, not its
    # logarithm: Topaz compares the fits in this way, and the choices have to be the same.
    single = spread * n / (n - 1)
    single_log_probability = -(n - 1) / 2 - n / 2 * np.log(2 * np.pi * single) + ALPHA

    share = np.array(STARTING_SHARES)
    bright = (share_below > 1 - share[:, None]).astype(np.float64)
    fit = _Fit.maximise(histogram, bright, share, mean)
    bright, log_probability = fit.expect(histogram)
    active = np.arange(share.size)
    final_mean, final_variance = fit.bright_mean.copy(), fit.variance.copy()
    final_log_probability = log_probability.copy()
    for _ in range(MAX_STEPS):
        weight = bright @ histogram.count
        share = (ALPHA + weight - 1) / (ALPHA + BETA + n - 2)
        fit = _Fit.maximise(histogram, bright, share, mean)
        bright, log_probability = fit.expect(histogram)
        gain = log_probability - final_log_probability[active]
        final_mean[active], final_variance[active] = fit.bright_mean, fit.variance
        final_log_probability[active] = log_probability
        going = gain > TOLERANCE
        active, bright = active[going], bright[going]
        if not active.size:
            break
    best = int(np.argmax(final_log_probability))
    # Topaz tries the single Gaussian last, so that it is chosen only if it is strictly better.
    if single_log_probability > final_log_probability[best]:
        return mean, float(np.sqrt(single))
    return float(final_mean[best]), float(np.sqrt(final_variance[best]))


@dataclass(frozen=True)
class _Fit:
    """Parameters of several mixtures, arrays (fits,)."""

    dark_mean: Doubles
    bright_mean: Doubles
    variance: Doubles
    share: Doubles

    @classmethod
    def maximise(cls, histogram: Histogram, bright: Doubles, share: Doubles, mean: float) -> "_Fit":
        """Fit means and variance to the probability (fits, bins) of being background."""
        n = histogram.count.sum()
        weight = bright @ histogram.count
        total = bright @ (histogram.count * histogram.mean)
        with np.errstate(invalid="ignore", divide="ignore"):
            bright_mean = np.where(weight > 0, total / weight, mean)
            dark_mean = np.where(n - weight > 0, (n * mean - total) / (n - weight), mean)
        squares = histogram.count @ (histogram.mean**2 + histogram.variance)
        explained = weight * bright_mean**2 + (n - weight) * dark_mean**2
        least = MIN_VARIANCE_SHARE * (squares / n - mean**2)
        variance = np.maximum((squares - explained) / n, least)
        return cls(dark_mean, bright_mean, variance, np.minimum(share, MAX_SHARE))

    def expect(self, histogram: Histogram) -> tuple[Doubles, Doubles]:
        """Return the probability (fits, bins) of being background, and log probability (fits,)."""
        dark, bright = self.dark_mean[:, None], self.bright_mean[:, None]
        variance, share = self.variance[:, None], self.share[:, None]
        # With one variance for both, the log odds of a pixel are linear in its value.
        log_odds = np.log(share) - np.log1p(-share)
        log_odds = log_odds + (bright - dark) / variance * (histogram.mean - (bright + dark) / 2)
        dark_square = (histogram.mean - dark) ** 2 + histogram.variance
        log_density = -dark_square / (2 * variance) + np.log1p(-share) + np.logaddexp(0, log_odds)
        prior = np.log(ALPHA) + (ALPHA - 1) * np.log(self.share)
        n = histogram.count.sum()
        log_probability = (
            log_density @ histogram.count - n / 2 * np.log(2 * np.pi * self.variance) + prior
        )
        return expit(log_odds), log_probability
