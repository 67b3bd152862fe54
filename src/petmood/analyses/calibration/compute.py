"""Out-of-fold probabilities of a run's head -> how far to trust them."""

from __future__ import annotations

from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.figures import identity_of
from petmood.dataset.models import head
from petmood.evaluation.certainty import calibration_facts
from petmood.evaluation.protocols import grouped
from petmood.features import Backbone
from petmood.results import CalibrationFacts


def calibrate(data: Dataset, backbone: Backbone, settings: RunSettings) -> CalibrationFacts:
    """Calibrate the run's head on photos that it had not seen, by grouped folds."""
    model, protocol = head(backbone), grouped(data.manifest, settings.folds, settings.seed)
    made = data.predictions(model, protocol)
    found = calibration_facts(
        made.probabilities,
        data.labels[made.index],
        data.classes,
        model=model.name,
        title=model.title,
        protocol=protocol.name,
        seed=settings.seed,
    )
    return found.model_copy(update={"identity": identity_of(data.manifest, model.name, protocol)})
