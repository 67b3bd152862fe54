"""The page of very many images: it stays small, whatever of the facts has a line an image."""

from __future__ import annotations

from petmood.analyses.audit.facts import AlikePair
from petmood.analyses.labels.facts import TwinFacts
from petmood.analyses.page import report_html
from petmood.results import LabelConflict, SizeCount, Skipped

from .sample_results import MOODS, dataset, results, thumbnail
from .test_audit import audit
from .test_why import label_facts

MANY = 10_000


def test_the_page_of_many_images_stays_small_and_says_what_it_leaves_out() -> None:
    paths = [f"train/Angry/a rather long name of a picture that somebody took {i:06}.jpg" for i in range(MANY)]
    skipped = tuple(Skipped(path=path, reason="cannot be decoded: it was cut off") for path in paths)
    sizes = tuple(
        SizeCount(split="train", class_name=MOODS[i % 4], width=100 + i % 1_009, height=100 + i % 997, count=1)
        for i in range(MANY)
    )
    data = dataset().model_copy(update={"rejected": skipped, "ignored": skipped, "sizes": sizes})
    checked = audit(MANY).model_copy(
        update={
            "alike": tuple(AlikePair(path_a=path, path_b=path, features=19) for path in paths),
            "straddling": tuple(paths),
            "conflicting_labels": tuple(
                LabelConflict(photo=path, labels=MOODS[:2], paths=(path, path)) for path in paths
            ),
            "rejected": skipped,
            "ignored": skipped,
        }
    )
    twins = tuple(TwinFacts(path_a=p, label_a="Sad", path_b=p, label_b="happy", similarity=0.95) for p in paths)
    rows = tuple(range(MANY))
    models = tuple(
        one.model_copy(update={"photos": rows, "truth": rows, "predicted": rows}) for one in results().models
    )
    labels = label_facts().model_copy(update={"twins": twins})
    many = results().model_copy(update={"dataset": data, "models": models, "audit": checked, "labels": labels})
    page = report_html(many, thumbnail)
    assert len(page.encode()) < 200 * MANY
    assert page.count("more: <code>results.json</code> has them all") == 2
    assert "more, less alike: <code>results.json</code> has them all" in page
