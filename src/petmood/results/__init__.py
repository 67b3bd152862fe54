"""The schema of results.json (version 3): every fact a run found, which the report and the tables only render."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from petmood.results.base import F, Fact, Identity, Interval, Marked, put_mark
from petmood.results.calibration import (
    AbstainPoint,
    CalibrationFacts,
    ClassCoverage,
    ReliabilityFacts,
    SetFacts,
    Sureness,
)
from petmood.results.clusters import AgreementFacts, ClusterFacts, ClusterSplit, GroupFacts, NamedFacts, ShardClusters
from petmood.results.comparison import AboveSpecies, ComparisonFacts, Leaderboard, PairedFacts, PairFacts, Rank
from petmood.results.dataset import (
    ClassCount,
    CopyPair,
    DatasetFacts,
    DuplicateCount,
    Duplicates,
    LabelConflict,
    PrepareFacts,
    Sample,
    SizeCount,
    Skipped,
    SplitFacts,
    Warn,
)
from petmood.results.environment import AppliedFile, Environment, Provenance
from petmood.results.evaluation import Figure, Regraded, RegradeFacts
from petmood.results.models import ClassScore, Epochs, ModelFacts
from petmood.results.study import (
    ArrayShape,
    EdaFacts,
    FaceMap,
    KmeansSeeds,
    LayerRow,
    MapPoint,
    NetworkFacts,
    StudyBackbone,
    StudyFacts,
    StudyRow,
    TrainingFacts,
    Tuning,
    TuningRow,
)
from petmood.results.tune import TrialFacts, TuneFacts

__all__ = [
    "AboveSpecies",
    "AbstainPoint",
    "AgreementFacts",
    "AppliedFile",
    "ArrayShape",
    "CalibrationFacts",
    "ClassCount",
    "ClassCoverage",
    "ClassScore",
    "ClusterFacts",
    "ClusterSplit",
    "ComparisonFacts",
    "CopyPair",
    "DatasetFacts",
    "DuplicateCount",
    "Duplicates",
    "EdaFacts",
    "Environment",
    "Epochs",
    "FaceMap",
    "Fact",
    "Figure",
    "GroupFacts",
    "Identity",
    "Interval",
    "KmeansSeeds",
    "LabelConflict",
    "LayerRow",
    "Leaderboard",
    "MapPoint",
    "Marked",
    "ModelFacts",
    "NamedFacts",
    "NetworkFacts",
    "PairFacts",
    "PairedFacts",
    "PrepareFacts",
    "Provenance",
    "Rank",
    "RegradeFacts",
    "Regraded",
    "ReliabilityFacts",
    "Results",
    "Sample",
    "SetFacts",
    "ShardClusters",
    "SizeCount",
    "Skipped",
    "SplitFacts",
    "StudyBackbone",
    "StudyFacts",
    "StudyRow",
    "Sureness",
    "TrainingFacts",
    "TrialFacts",
    "TuneFacts",
    "Tuning",
    "TuningRow",
    "Warn",
    "put_mark",
]

SCHEMA_VERSION = 3


class Results(Fact):
    """The whole of results.json: the core of a run, and what each analysis found, under its name.

    `baselines` are models too: what any model must beat, under the same protocols. Read a file with
    `petmood.analyses.read_results`, which knows the types of the analyses' facts.
    """

    model_config = ConfigDict(extra="allow")

    schema_version: int = Field(default=SCHEMA_VERSION, alias="schema")
    dataset: DatasetFacts
    clusters: tuple[ClusterFacts, ...]
    models: tuple[ModelFacts, ...]
    baselines: tuple[ModelFacts, ...]
    environment: Environment
    provenance: Provenance | None = None
    comparison: ComparisonFacts | None = None
    study: StudyFacts | None = None

    @property
    def analyses(self) -> dict[str, Fact]:
        """What each analysis found, by its name."""
        return {name: value for name, value in (self.model_extra or {}).items() if isinstance(value, Fact)}

    def of(self, kind: type[F]) -> F | None:
        """The facts of one kind, if their analysis was made."""
        return next((value for value in self.analyses.values() if isinstance(value, kind)), None)
