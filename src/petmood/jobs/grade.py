"""`petmood grade`: predictions that others publish and their list of training files -> what of the claim is memory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from petmood.dataset import Dataset
from petmood.dataset.figures import model_facts
from petmood.evaluation.protocols import Predictions
from petmood.jobs.answers import by_table, read_list
from petmood.jobs.evaluate import data_facts, matched, part
from petmood.results.evaluation import CopiedPhoto, GradeFacts
from petmood.version import __version__

CLAIM = "claim"
"""Protocol name: predictions by others, of whatever photos they say."""


def grade(predictions: Path, data: Dataset, train_list: Path, *, seed: int = 42) -> GradeFacts:
    """Score the predictions of others with and without the photos that have a copy in their training list.

    Args:
        predictions: CSV of paths with labels or probabilities; see `petmood.jobs.answers.by_table`.
        data: labelled, with both the files that were predicted and those that were trained on.
        train_list: paths or folders of the data, a line each, that the model was trained on.
        seed: with which the data was opened, for the figure's identity.

    Raises:
        DataError: a line does not fit the data.
    """
    answers = by_table(predictions, data.require_labels(), as_named=True)
    trained = set(read_list(train_list, data))
    _, names, order, mapped = matched(answers, data, {})
    by_family: dict[str, list[int]] = {}
    for i, record in enumerate(data.records):
        if record.path in trained:
            by_family.setdefault(record.family, []).append(i)
    rows, pairs, copied = answers.rows, list[CopiedPhoto](), []
    for row in rows.tolist():
        record = data.records[row]
        copies = by_family.get(record.family, [])
        copied.append(bool(copies))
        if copies:
            equal = next((i for i in copies if data.records[i].sha256 == record.sha256), None)
            first = data.records[copies[0] if equal is None else equal].path
            how: Literal["bytes", "pixels or names"] = "pixels or names" if equal is None else "bytes"
            pairs.append(CopiedPhoto(path=record.path, training=first, how=how))
    taught = np.array(copied, dtype=np.bool_)
    probabilities = answers.probabilities[:, order]
    truth = mapped.manifest.class_index[rows]
    hits = truth == probabilities.argmax(axis=1)

    return GradeFacts(
        petmood=__version__,
        data=data_facts(data, names, len(data.manifest.photo_index) - len(rows)),
        n=len(rows),
        training_files=len(trained),
        training_photos=len(by_family),
        copied=int(taught.sum()),
        claimed=model_facts(
            mapped.manifest,
            Predictions(rows, probabilities, len(by_family)),
            name=f"{answers.model.title} ({answers.model.digest[:12]})",
            title=answers.model.title,
            protocol=CLAIM,
            seed=seed,
            training="as the training list says",
            used=dict.fromkeys(data.manifest.split_names(), "as-listed"),
            basis="others",
        ),
        honest=part("photos without a copy in training", hits[~taught]) if not taught.all() else None,
        memory=part("photos with a copy in training", hits[taught]) if taught.any() else None,
        pairs=tuple(pairs),
    )
