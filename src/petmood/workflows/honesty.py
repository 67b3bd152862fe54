"""Features and simple subjects -> what a run says about its own honesty: leakage, further protocols, calibration."""

from __future__ import annotations

from collections.abc import Sequence

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.protocols import grouped_name
from petmood.evaluate.sureness import calibration_facts
from petmood.progress import Timed
from petmood.records import FeatureTable, Manifest
from petmood.results import CalibrationFacts, LeakageFacts, ProtocolFacts
from petmood.workflows.frozen import HEAD, protocols
from petmood.workflows.further import protocol_facts
from petmood.workflows.leakage import leakage_facts
from petmood.workflows.predictions import Subject, head_subject, predict


def honesty_facts(
    manifest: Manifest,
    features: FeatureTable,
    simple: Sequence[Subject],
    settings: RunSettings,
    cache: ContentCache,
    timed: Timed,
) -> tuple[LeakageFacts, ProtocolFacts, CalibrationFacts]:
    """Measure leakage, go through the further protocols and calibrate the run's head; predictions are cached.

    Args:
        manifest: the data.
        features: what the head reads.
        simple: the baselines, of which thumbnails and species are used here too.
        settings: of the run.
        cache: where predictions are kept.
        timed: where the stages are shown.
    """
    vectors = {subject.name: subject.vectors for subject in simple}
    with timed.stage("leakage", "Measuring leakage") as tick:
        leakage = leakage_facts(manifest, features, vectors["thumbnail-1nn"], settings, cache, tick)
    head = head_subject(features, HEAD, settings.seed)
    with timed.stage("protocols", "Repeating, leaving species out, drawing the learning curve") as tick:
        further = protocol_facts(head, manifest, vectors.get("species"), settings, cache, tick)
    with timed.stage("calibration", "Calibrating"):
        protocol = grouped_name(settings.folds)
        made = predict(head, manifest, f"{protocol}/{settings.seed}", protocols(manifest, settings)[protocol], cache)
        calibration = calibration_facts(
            made.probabilities,
            manifest.class_index[made.index],
            manifest.classes,
            model=head.name,
            title=head.title,
            protocol=protocol,
            seed=settings.seed,
        )
    return leakage, further, calibration
