"""Fit a head to training examples, and compute its posterior."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from activepick.learning.calibration import Calibration
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head
from activepick.learning.kind_fit import fit_kinds
from activepick.learning.kinds import KindWeights
from activepick.learning.loss import ScoreTargets
from activepick.learning.one_sided import adjust_fit, stand_in_weights
from activepick.learning.posterior import Posterior, laplace
from activepick.learning.settings import LearnerSettings
from activepick.learning.simulated_calibration import calibration_after
from activepick.learning.training_set import TrainingExamples
from activepick.threads import one_thread

__all__ = ["fit_head", "head_posterior", "without_kinds"]

Floats = NDArray[np.float64]

# Weight of the previous moving average in the new one.
_DECAY = 0.7


def fit_head(
    pretrained: Head,
    settings: LearnerSettings,
    examples: TrainingExamples,
    warm_start: Head | None = None,
    kinds: Mapping[int, str] | None = None,
) -> Head:
    """Fit a head to training examples.

    Parameters
    ----------
    pretrained
        The head before the first label, which is the mean of the prior.
    settings
        Settings of the regression and of the terms of the loss.
    examples
        Training examples with at least one label.
    warm_start
        The head of the last refit, used as initial value. The optimum does not depend on it, but
        the moving average over the refits does.
    kinds
        Names of the kinds of particles by number, if there are several. The head has the kinds for
        which there are labels. With labels of more than one kind, the consistency terms are left
        out.

    Returns
    -------
    Head
        The fitted head, with the calibration for the number of labels.
    """
    labelled = sorted(set(examples.kinds[examples.targets == 1].tolist())) if kinds else []
    if kinds and len(labelled) > 1:
        return _fit_several(pretrained, settings, examples, kinds, warm_start)
    pretrained = replace(pretrained, kinds=None)
    mean = _mean_model(warm_start or pretrained)
    with one_thread("blas"):
        problem = _problem(pretrained, settings, examples, mean)
    fitted = problem.fit.fit(
        problem.x,
        problem.y,
        problem.weights,
        labels=problem.labels,
        unlabelled=examples.unlabelled,
        pretrained=(pretrained.weights.ravel(), pretrained.bias),
        warm_start=None if warm_start is None else (warm_start.weights.ravel(), warm_start.bias),
        directions=_directions(pretrained),
        score_targets=problem.score_targets,
    )
    weights, targets = fitted.weights_.reshape(pretrained.weights.shape), examples.targets
    only = None
    if kinds and labelled:
        bias = np.array([fitted.bias_])
        only = KindWeights((labelled[0],), (kinds[labelled[0]],), weights[None], bias)
    return replace(
        pretrained,
        weights=weights,
        bias=fitted.bias_,
        particles=int(targets.sum()),
        others=int((1 - targets).sum()),
        mean=(
            _DECAY * mean[0] + (1 - _DECAY) * weights,
            _DECAY * mean[1] + (1 - _DECAY) * fitted.bias_,
        ),
        calibration=_calibration(pretrained, examples),
        kinds=only,
    )


def _fit_several(
    pretrained: Head,
    settings: LearnerSettings,
    examples: TrainingExamples,
    names: Mapping[int, str],
    warm_start: Head | None,
) -> Head:
    """Fit a head to labels of more than one kind of particles."""
    plain = replace(settings, consistency=0.0, consistency_unlabelled=0.0)
    with one_thread("blas"):
        problem = _problem(pretrained, plain, examples, _mean_model(pretrained))
        # The pixels of labels are followed by substitutes for non-particles.
        kinds = np.zeros(len(problem.x), int)
        pixels = np.repeat(examples.kinds, examples.features.shape[1])
        kinds[: len(pixels)] = pixels
        fitted = fit_kinds(
            problem.fit,
            problem.x,
            kinds,
            problem.weights,
            names,
            labels=problem.labels,
            unlabelled=examples.unlabelled,
            pretrained=pretrained,
            warm_start=None if warm_start is None else warm_start.kinds,
        )
    return replace(
        pretrained,
        weights=fitted.weights.mean(axis=0),
        bias=float(fitted.bias.mean() + np.log(len(fitted.bias))),
        particles=int(examples.targets.sum()),
        others=int((1 - examples.targets).sum()),
        mean=None,
        calibration=_calibration(pretrained, examples),
        kinds=fitted,
    )


def _calibration(pretrained: Head, examples: TrainingExamples) -> Calibration:
    return calibration_after(round(examples.weights.sum()), pretrained.spec)


def without_kinds(
    head: Head, pretrained: Head, settings: LearnerSettings, examples: TrainingExamples
) -> Head:
    """Return a head that does not distinguish kinds of particles, fitted to the same labels.

    The parameters are those of `head_posterior`. A head with less than two kinds is returned
    unchanged.
    """
    if head.kinds is None or len(head.kinds.numbers) < 2:
        return head
    return fit_head(pretrained, settings, examples)


def head_posterior(
    head: Head, pretrained: Head, settings: LearnerSettings, examples: TrainingExamples
) -> Posterior:
    """Compute the posterior of a head that was fitted by `fit_head`.

    All terms of the loss of the fit are included: labels, substitutes for the missing class,
    consistency with the mean model, prior and expected share. For a head with several kinds of
    particles, it is the posterior of the head of `without_kinds`.

    Parameters
    ----------
    head
        The result of `fit_head`.
    pretrained, settings, examples
        The arguments of `fit_head`. Without labels, the posterior is the prior.

    Returns
    -------
    Posterior
    """
    head = without_kinds(head, pretrained, settings, examples)
    with one_thread("blas"):
        # The curvature of the loss does not depend on the targets of the consistency terms.
        problem = _problem(pretrained, settings, examples, _mean_model(head))
        loss = problem.fit.objective(
            problem.x,
            problem.y,
            problem.weights,
            labels=problem.labels,
            unlabelled=examples.unlabelled,
            pretrained=(pretrained.weights.ravel(), pretrained.bias),
            directions=_directions(pretrained),
            score_targets=problem.score_targets,
        )
    return laplace(loss, head.weights.ravel(), head.bias)


@dataclass(frozen=True, eq=False)
class _Problem:
    """A regression problem: weighted pixels, and the regression to fit to them."""

    fit: HeadFit
    x: Floats
    y: Floats
    weights: Floats
    labels: float
    score_targets: ScoreTargets | None


def _problem(
    pretrained: Head,
    settings: LearnerSettings,
    examples: TrainingExamples,
    mean: tuple[Floats, float],
) -> _Problem:
    _, per_label, features = examples.features.shape
    targets, unlabelled = examples.targets, examples.unlabelled
    x = [examples.features.reshape(-1, features)]
    y = [np.repeat(targets, per_label)]
    v = [np.repeat(examples.weights / per_label, per_label)]
    particles = float(examples.weights @ targets)
    others = float(examples.weights @ (1 - targets))
    labels = particles + others
    drawn: list[ScoreTargets] = []
    for pixels, weight in (
        (x[0], settings.consistency),
        (unlabelled, settings.consistency_unlabelled),
    ):
        if weight and len(pixels):
            scores = pixels @ mean[0].ravel() + mean[1]
            shares = np.full(len(pixels), weight / len(pixels))
            if settings.consistency_loss == "logits":
                drawn.append(ScoreTargets(pixels, scores, shares))
                continue
            x.append(pixels)
            y.append(expit(scores))
            v.append(shares)
    if examples.stand_ins is not None and len(examples.stand_ins):
        weights, target = stand_in_weights(pretrained, examples.stand_ins, particles, others)
        x.append(examples.stand_ins)
        y.append(np.full(len(weights), target))
        v.append(weights)
        labels += float(weights.sum())

    def share() -> float:
        if not len(unlabelled):
            return settings.fit.pi
        return float(expit(unlabelled @ pretrained.weights.ravel() + pretrained.bias).mean())

    # A copy, because fitting sets attributes of the estimator.
    fit = replace(adjust_fit(settings.fit, particles, others, share))
    score_targets = ScoreTargets(*map(np.concatenate, zip(*drawn, strict=True))) if drawn else None
    return _Problem(fit, _joined(x), _joined(y), _joined(v), labels, score_targets)


def _joined(parts: Sequence[Floats]) -> Floats:
    """Concatenate arrays; a single one, which may be large, is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _mean_model(head: Head) -> tuple[Floats, float]:
    return head.mean or (head.weights, head.bias)


def _directions(head: Head) -> Floats | None:
    directions = head.directions
    return None if directions is None else directions.reshape(len(directions), -1)
