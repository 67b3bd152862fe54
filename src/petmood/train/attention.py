"""Tokens of the places of a local map -> a classifier that learns where to look: attention pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from petmood.errors import ConfigError
from petmood.train.learner import Learner, Lesson


class AttentionHead(Learner):
    """One query looks at the places of a map; what it sees, averaged by how much it looks, is read by a linear layer.

    Rows are (n, channels * places), as the pooling "tokens" makes them. Query and layer are fitted together, by L-BFGS
    from a query of zero (plain average pooling), so that nothing is drawn. Channels are standardised by their values
    over rows and places.

    Attributes:
        query_: (channels,) float64.
        weights_, bias_: (channels, n_classes) and (n_classes,) float64, on what the query sees.
        mean_, scale_: (channels * places,) float64: of each channel, repeated for its places.
        channels_, places_: shape of a row.
    """

    def __init__(self, channels: int = 96, C: float = 1e-2, query: float = 1e-1) -> None:  # noqa: N803
        """Choose the number of channels, and the prior variances of the layer's weights and of the query's."""
        self.channels = channels
        self.C = C
        self.query = query

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        if lesson.rows.shape[1] % self.channels:
            raise ConfigError(f"rows of {lesson.rows.shape[1]} values are not tokens of {self.channels} channels.")
        self.channels_, self.places_ = self.channels, lesson.rows.shape[1] // self.channels
        tokens = lesson.rows.reshape(len(lesson.rows), self.channels_, self.places_)
        share = lesson.weights / lesson.weights.sum()
        mean = np.einsum("n,ncp->c", share, tokens) / self.places_
        spread = np.sqrt(np.einsum("n,ncp->c", share, (tokens - mean[:, np.newaxis]) ** 2) / self.places_)
        self.mean_ = np.repeat(mean, self.places_)
        self.scale_ = np.repeat(np.where(spread > 0, spread, 1.0), self.places_)
        scaled = self._tokens(lesson.rows)
        k, d = len(lesson.classes), self.channels_
        target = np.eye(k)[lesson.codes]

        def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            query, weights, bias = values[:d], values[d : d + d * k].reshape(d, k), values[d + d * k :]
            look = softmax(np.einsum("c,ncp->np", query, scaled), axis=1)
            seen = np.einsum("ncp,np->nc", scaled, look)
            logits = seen @ weights + bias
            each = logsumexp(logits, axis=1) - (logits * target).sum(axis=1)
            value = lesson.weights @ each + (weights**2).sum() / (2 * self.C) + (query**2).sum() / (2 * self.query)
            slope = (softmax(logits, axis=1) - target) * lesson.weights[:, np.newaxis]
            of_seen = slope @ weights.T
            along = np.einsum("ncp,nc->np", scaled, of_seen)
            of_look = look * (along - (look * along).sum(axis=1, keepdims=True))
            gradient = [
                np.einsum("np,ncp->c", of_look, scaled) + query / self.query,
                (seen.T @ slope + weights / self.C).ravel(),
                slope.sum(axis=0),
            ]
            return float(value), np.concatenate(gradient)

        found = minimize(loss, np.zeros(d + d * k + k), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
        self.query_, self.weights_ = found[:d], found[d : d + d * k].reshape(d, k)
        self.bias_ = found[d + d * k :]

    def _tokens(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled: NDArray[np.float64] = (rows - self.mean_) / self.scale_
        return scaled.reshape(len(rows), self.channels_, self.places_)

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        tokens = self._tokens(rows)
        look = softmax(np.einsum("c,ncp->np", self.query_, tokens), axis=1)
        return np.asarray(softmax(np.einsum("ncp,np->nc", tokens, look) @ self.weights_ + self.bias_, axis=1))
