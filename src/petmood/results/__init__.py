"""The schema of results.json (version 2): every fact a run found, which the report and the tables only render."""

from __future__ import annotations

from pydantic import Field

from petmood.results.audit import (
    AUDIT_KEYS,
    AlikePair,
    AuditFacts,
    CopyPair,
    DuplicateCount,
    Duplicates,
    FamilyFacts,
    FamilySplit,
    LabelConflict,
    Shortcut,
)
from petmood.results.base import Fact, Interval, Marked, put_mark
from petmood.results.calibration import (
    AbstainPoint,
    CalibrationFacts,
    ClassCoverage,
    ReliabilityFacts,
    SetFacts,
    Sureness,
)
from petmood.results.causes import CauseFacts, CausesFacts
from petmood.results.clusters import ClusterFacts, ClusterSplit, ShardClusters
from petmood.results.comparison import AboveSpecies, ComparisonFacts, Leaderboard, PairFacts, Rank
from petmood.results.dataset import (
    ClassCount,
    DatasetFacts,
    PrepareFacts,
    Sample,
    SizeCount,
    Skipped,
    SplitFacts,
    Warn,
)
from petmood.results.environment import AppliedFile, Environment, Provenance
from petmood.results.identity import Identity
from petmood.results.labels import (
    LabelFacts,
    LabelModel,
    NeighbourFacts,
    NoiseEstimate,
    PlantedCheck,
    SuspectFacts,
    TwinFacts,
)
from petmood.results.leakage import LeakageFacts, LeakageFigure, SplitLeak
from petmood.results.models import ClassScore, Epochs, ModelFacts
from petmood.results.naming import AgreementFacts, GroupFacts, NamedFacts
from petmood.results.networks import LayerRow, NetworkFacts
from petmood.results.protocols import (
    AnimalsOutFacts,
    CurvePoint,
    Forecast,
    LearningFacts,
    ProtocolFacts,
    RepeatedFacts,
    SpeciesOut,
    SpeciesOutFacts,
)
from petmood.results.regrade import Figure, Regraded, RegradeFacts
from petmood.results.species import Association, PairedFacts, SpeciesClusters, SpeciesFacts
from petmood.results.study import (
    ArrayShape,
    EdaFacts,
    FaceMap,
    KmeansSeeds,
    MapPoint,
    StudyBackbone,
    StudyFacts,
    StudyRow,
    TrainingFacts,
    Tuning,
    TuningRow,
)
from petmood.results.tune import TrialFacts, TuneFacts

SCHEMA_VERSION = 2

__all__ = [
    "AUDIT_KEYS",
    "SCHEMA_VERSION",
    "AboveSpecies",
    "AbstainPoint",
    "AgreementFacts",
    "AlikePair",
    "AnimalsOutFacts",
    "AppliedFile",
    "ArrayShape",
    "Association",
    "AuditFacts",
    "CalibrationFacts",
    "CauseFacts",
    "CausesFacts",
    "ClassCount",
    "ClassCoverage",
    "ClassScore",
    "ClusterFacts",
    "ClusterSplit",
    "ComparisonFacts",
    "CopyPair",
    "CurvePoint",
    "DatasetFacts",
    "DuplicateCount",
    "Duplicates",
    "EdaFacts",
    "Environment",
    "Epochs",
    "FaceMap",
    "Fact",
    "FamilyFacts",
    "FamilySplit",
    "Figure",
    "Forecast",
    "GroupFacts",
    "Identity",
    "Interval",
    "KmeansSeeds",
    "LabelConflict",
    "LabelFacts",
    "LabelModel",
    "LayerRow",
    "Leaderboard",
    "LeakageFacts",
    "LeakageFigure",
    "LearningFacts",
    "MapPoint",
    "Marked",
    "ModelFacts",
    "NamedFacts",
    "NeighbourFacts",
    "NetworkFacts",
    "NoiseEstimate",
    "PairFacts",
    "PairedFacts",
    "PlantedCheck",
    "PrepareFacts",
    "ProtocolFacts",
    "Provenance",
    "Rank",
    "RegradeFacts",
    "Regraded",
    "ReliabilityFacts",
    "RepeatedFacts",
    "Results",
    "Sample",
    "SetFacts",
    "ShardClusters",
    "Shortcut",
    "SizeCount",
    "Skipped",
    "SpeciesClusters",
    "SpeciesFacts",
    "SpeciesOut",
    "SpeciesOutFacts",
    "SplitFacts",
    "SplitLeak",
    "StudyBackbone",
    "StudyFacts",
    "StudyRow",
    "Sureness",
    "SuspectFacts",
    "TrainingFacts",
    "TrialFacts",
    "TuneFacts",
    "Tuning",
    "TuningRow",
    "TwinFacts",
    "Warn",
    "put_mark",
]


class Results(Fact):
    """The whole of results.json. `baselines` are models too: what any model must beat, under the same protocols."""

    schema_version: int = Field(default=SCHEMA_VERSION, alias="schema")
    dataset: DatasetFacts
    clusters: tuple[ClusterFacts, ...]
    models: tuple[ModelFacts, ...]
    baselines: tuple[ModelFacts, ...]
    environment: Environment
    provenance: Provenance | None = None
    species: SpeciesFacts | None = None
    audit: AuditFacts | None = None
    leakage: LeakageFacts | None = None
    comparison: ComparisonFacts | None = None
    protocols: ProtocolFacts | None = None
    calibration: CalibrationFacts | None = None
    study: StudyFacts | None = None
    labels: LabelFacts | None = None
    causes: CausesFacts | None = None
