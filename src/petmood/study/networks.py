"""The study's two networks, trained by several seeds as the study trained them: entries of results.json."""

from __future__ import annotations

from petmood.build.study_networks import CnnOutcome, describe_cnn, train_cnn
from petmood.config import StudySettings
from petmood.dataset import Dataset
from petmood.records import Manifest
from petmood.results import ModelFacts, TrainingFacts
from petmood.training.settings import EpochLog, TrainSettings

PATIENCE = {"cnn1": None, "cnn2": 3}
NAMES = {"cnn1": "CNN 1", "cnn2": "CNN 2"}


def plan(settings: StudySettings) -> list[tuple[str, TrainSettings]]:
    """Every training, in order: Adam at 1e-3, batches of 32; CNN 2 stops early and keeps its best weights."""
    seeds = {"cnn1": settings.seeds, "cnn2": settings.seeds_cnn2}
    return [
        (
            network,
            TrainSettings(
                epochs=settings.cnn_epochs,
                size=settings.cnn_size,
                seed=settings.seed + i,
                patience=PATIENCE[network],
                device=settings.device,
            ),
        )
        for network, count in seeds.items()
        for i in range(count)
    ]


def train_one(data: Dataset, network: str, training: TrainSettings) -> tuple[ModelFacts, TrainingFacts]:
    """Train a network, or take it from the cache; a line an epoch tells loss, accuracy and learning rate."""
    title = f"{NAMES[network]}, seed {training.seed}"

    def tell(log: EpochLog) -> None:
        watched = "" if log.val_loss is None else f", valid loss {log.val_loss:.4f}, accuracy {log.val_accuracy:.4f}"
        data.timed.inner.note(
            f"{title}: epoch {log.epoch}/{log.epochs}, loss {log.loss:.4f}, accuracy {log.accuracy:.4f}{watched}, "
            f"{log.seconds:.0f} s"
        )

    with data.timed.stage("networks", f"Training {title} at {training.size} pixels") as tick:
        outcome = train_cnn(data, network, training, tick, tell)
    manifest = data.manifest
    facts = describe_cnn(manifest, network, training, outcome)
    return facts.model_copy(update={"title": title}), _training_facts(manifest, network, training, outcome, facts)


def _training_facts(
    manifest: Manifest, network: str, training: TrainSettings, outcome: CnnOutcome, facts: ModelFacts
) -> TrainingFacts:
    watched = manifest.class_index[manifest.in_split("valid")]
    return TrainingFacts(
        network=network,
        seed=training.seed,
        size=training.size,
        epochs_run=len(outcome.epochs.loss),
        kept_epoch=outcome.kept_epoch,
        stopped_early=outcome.stopped_early,
        train_accuracy=outcome.epochs.accuracy[-1],
        valid_correct=int((outcome.valid.argmax(axis=1) == watched).sum()),
        n_valid=len(watched),
        test_correct=facts.correct,
        n_test=facts.n,
    )
