"""A data set and a backbone -> what a run says about its own honesty: leakage, further protocols, calibration."""

from __future__ import annotations

from petmood.analyses.leakage.compute import leakage_facts
from petmood.analyses.protocols.compute import protocol_facts
from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.figures import identity_of
from petmood.dataset.models import head
from petmood.evaluation.certainty import calibration_facts
from petmood.evaluation.protocols import grouped
from petmood.features import Backbone
from petmood.results import CalibrationFacts, LeakageFacts, ProtocolFacts


def honesty_facts(
    data: Dataset, backbone: Backbone, settings: RunSettings
) -> tuple[LeakageFacts, ProtocolFacts, CalibrationFacts]:
    """Measure leakage, go through the further protocols and calibrate the run's head."""
    timed, model = data.timed, head(backbone)
    with timed.stage("leakage", "Measuring leakage") as tick:
        leakage = leakage_facts(data, backbone, settings, tick)
    with timed.stage("protocols", "Repeating, leaving species out, drawing the learning curve") as tick:
        further = protocol_facts(model, data, settings, tick)
    with timed.stage("calibration", "Calibrating"):
        protocol = grouped(data.manifest, settings.folds, settings.seed)
        made = data.predictions(model, protocol)
        calibration = calibration_facts(
            made.probabilities,
            data.labels[made.index],
            data.classes,
            model=model.name,
            title=model.title,
            protocol=protocol.name,
            seed=settings.seed,
        ).model_copy(update={"identity": identity_of(data.manifest, model.name, protocol)})
    return leakage, further, calibration
