"""petmood for Python and notebooks: open data, audit, run, train, evaluate; what each gives shows itself.

Results print as one screen of text; notebooks show the section of the report. Tables are polars data frames, with
the extra `tables`.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from petmood.analyses.audit.facts import AuditFacts
from petmood.bundle import Bundle, ModelDescription
from petmood.bundle.folder import read
from petmood.config import run_settings
from petmood.dataset import Dataset, open_dataset
from petmood.errors import require_extra
from petmood.results import ModelFacts, Results
from petmood.results.evaluation import EvaluationFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from petmood.bundle.inputs import Picture
    from petmood.explain import Explanation

Data = Dataset | Path | str
"""An open data set, or where one is."""


@contextmanager
def _opened(data: Data, **options: Any) -> Iterator[Dataset]:
    if isinstance(data, Dataset):
        yield data
    else:
        with open_dataset(data, **options) as made:
            yield made


def _frame(page: str, height: int = 620) -> str:
    """A page inside a notebook's, so that neither's styles reach the other."""
    return (
        f'<iframe srcdoc="{html.escape(page, quote=True)}" title="petmood" '
        f'style="width: 100%; height: {height}px; border: 0"></iframe>'
    )


def _lines(models: tuple[ModelFacts, ...]) -> list[str]:
    width = max((len(f"{m.title}, {m.protocol}") for m in models), default=0)
    return [
        f"{f'{m.title}, {m.protocol}':<{width}}  {100 * m.accuracy:5.1f} % "
        f"({100 * m.accuracy_ci[0]:.1f} to {100 * m.accuracy_ci[1]:.1f} %, n = {m.n:,})"
        for m in models
    ]


def figures_table(models: tuple[ModelFacts, ...]) -> pl.DataFrame:
    """A row a figure: what identifies it, accuracy with interval, macro-F1, n."""
    require_extra("A table of figures", "tables")
    import polars as pl

    return pl.DataFrame(
        [
            {
                "model": m.name,
                "title": m.title,
                "protocol": m.protocol,
                "training": m.identity.training if m.identity else "",
                "seed": m.identity.seed if m.identity else None,
                "n": m.n,
                "accuracy": m.accuracy,
                "low": m.accuracy_ci[0],
                "high": m.accuracy_ci[1],
                "macro_f1": m.macro_f1,
                "balanced_accuracy": m.balanced_accuracy,
            }
            for m in models
        ]
    )


@dataclass(frozen=True, repr=False)
class AuditResult:
    """Whether a data set can be trusted; `facts` has everything that was found."""

    facts: AuditFacts
    _page: Callable[[], str] = field(compare=False)

    def __repr__(self) -> str:
        from petmood.analyses.audit import words
        from petmood.report.cautions import caution

        lines = [words.verdict_sentence(self.facts), words.sample_sentence(self.facts)]
        lines += [f"- {caution(warning)}" for warning in self.facts.warnings]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _frame(self._page())


@dataclass(frozen=True, repr=False)
class RunResult:
    """What a run found, and where it put report, results and model."""

    facts: Results
    folder: Path

    @property
    def figures(self) -> pl.DataFrame:
        """Every model and baseline under every protocol."""
        return figures_table((*self.facts.models, *self.facts.baselines))

    @property
    def report(self) -> Path:
        """The page of the run."""
        return self.folder / "report.html"

    def __repr__(self) -> str:
        from petmood.report.facts import protocols
        from petmood.report.summarize import lead, title

        found = protocols(self.facts)
        lines = [title(found), lead(found), "", *_lines((*self.facts.models, *self.facts.baselines)), ""]
        return "\n".join([*lines, f"report: {self.report}"])

    def _repr_html_(self) -> str:
        from petmood.analyses.page import found_html

        return _frame(found_html(self.facts))


@dataclass(frozen=True, repr=False)
class TrainResult:
    """A model that was trained, where it was saved, and what is known of it."""

    path: Path
    description: ModelDescription

    @property
    def figures(self) -> pl.DataFrame:
        """Its evaluation."""
        return figures_table(self.description.evaluation)

    def load(self) -> Reader:
        """The model, ready to read pictures."""
        return load(self.path)

    def __repr__(self) -> str:
        return "\n".join([f"{self.description.title}, saved in {self.path}", *_lines(self.description.evaluation)])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


@dataclass(frozen=True, repr=False)
class EvaluateResult:
    """How well a finished model, or predictions by any tool, read other data; `facts` has everything that was found."""

    facts: EvaluationFacts
    _page: Callable[[], str] = field(compare=False)

    @property
    def figures(self) -> pl.DataFrame:
        """The figure with its identity."""
        return figures_table((self.facts.figure,))

    def __repr__(self) -> str:
        from petmood.report.evaluation import evaluation_lines

        return "\n".join(evaluation_lines(self.facts))

    def _repr_html_(self) -> str:
        return _frame(self._page())


class Reader(Bundle):
    """A trained model: it reads pictures, explains its answers and is evaluated on labelled data."""

    def explain(self, picture: Picture, **options: Any) -> Explanation:
        """Why a picture was read as it was; options as for `petmood.explain.explain`.

        Raises:
            ImageError: the picture cannot be read.
        """
        from petmood.explain import explain

        return explain(self, self.prepare(picture), **options)

    def evaluate(self, data: Data, **options: Any) -> EvaluateResult:
        """How well it reads labelled data; options as for `petmood.evaluate`."""
        return evaluate(self, data, **options)


def load(path: str | Path, threads: int | None = None) -> Reader:
    """Load a trained model: `load("model").predict("photo.jpg")`.

    Args:
        path: of the bundle: a folder or a .zip.
        threads: cores that one inference may take; all if None.

    Raises:
        petmood.errors.ModelError: there is no bundle, or it is damaged.
    """
    return Reader(read(Path(path)), Path(path).stem, threads)


def audit(data: Data, *, families: str = "auto", seed: int = 42, **options: Any) -> AuditResult:
    """Whether figures on a data set can be trusted: copies, leaks, labels, shortcuts; nothing is trained to keep.

    Args:
        data: an open data set, or folder or .zip.
        families: how copies are found.
        seed: of the shortcut check.
        options: more of `petmood.open`, where `data` is not open yet.

    Raises:
        petmood.errors.PetmoodError: anything the user can fix.
    """
    from petmood.analyses import audit as analysis
    from petmood.analyses.audit import words
    from petmood.analyses.audit.compute import audit_facts
    from petmood.analyses.page import analysis_html
    from petmood.report.html import picture_uris

    with _opened(data, families=families, seed=seed, splits=False, **options) as opened:
        facts = audit_facts(opened, run_settings("quick", seed=seed, families=families))
        pictures = {pair.path_a: opened.thumbnail(pair.path_a) for pair in facts.copies}
        pictures |= {pair.path_b: opened.thumbnail(pair.path_b) for pair in facts.copies}
    return AuditResult(facts, lambda: analysis_html(analysis.ANALYSIS, facts, picture_uris(pictures.get), words=words))


def run(data: Path | str, out: Path | str | None = None, *, preset: str = "quick", **options: Any) -> RunResult:
    """The whole main job, from a data set to report, results and model.

    Args:
        data: folder or .zip.
        out: folder for the results; a new one among the system's temporary files if None.
        preset: "quick" or "full".
        options: settings of a run (seed, backbone, folds, cnn, ...), and labels, groups, species: the user's files.

    Raises:
        petmood.errors.PetmoodError: anything the user can fix.
    """
    from petmood.jobs.run import run as work

    labels, groups, species = (
        None if (path := options.pop(name, None)) is None else Path(path) for name in ("labels", "groups", "species")
    )
    settings = run_settings(preset, **options)
    folder = Path(mkdtemp(prefix="petmood-run-")) if out is None else Path(out)
    made = work(Path(data), folder, settings, labels=labels, groups=groups, species=species)
    return RunResult(made.results, made.folder)


def train(
    data: Path | str, out: Path | str, *, model: str = "head", preset: str = "quick", **options: Any
) -> TrainResult:
    """Train a model on labelled faces and save it.

    Args:
        data: folder or .zip.
        out: the model: a folder, or a path that ends in .zip.
        model: "head", "auto", "finetune", "cnn1" or "cnn2".
        preset: "quick" or "full".
        options: settings of a run (seed, backbone, folds, ...), and labels.

    Raises:
        petmood.errors.PetmoodError: anything the user can fix.
    """
    from petmood.jobs.train import train as work

    labels = options.pop("labels", None)
    made = work(
        Path(data),
        Path(out),
        model,
        run_settings(preset, **options),
        labels=None if labels is None else Path(labels),
    )
    assert made is not None  # None is for processes that torchrun started beside the first
    return TrainResult(Path(out), made)


def evaluate(
    model: Bundle | Path | str | None,
    data: Data,
    *,
    predictions: Path | str | None = None,
    mapping: Mapping[str, str] | None = None,
    keep_overlap: bool = False,
    seed: int = 42,
    **options: Any,
) -> EvaluateResult:
    """How well a finished model, or predictions by any tool, read labelled data without the photos trained on.

    Args:
        model: loaded, or the path of a bundle or of an ONNX classifier with its JSON; None with `predictions` alone.
        data: an open data set, or folder or .zip.
        predictions: CSV with `path` and `label`, or `path` and a column of probabilities a class.
        mapping: classes of the data -> classes of the model, where they differ in more than case.
        keep_overlap: count training photos too, and mark every figure.
        seed: of the figure's identity.
        options: more of `petmood.open`, where `data` is not open yet.

    Raises:
        petmood.errors.PetmoodError: anything the user can fix.
    """
    from petmood.jobs.answers import open_model
    from petmood.jobs.evaluate import evaluate as work
    from petmood.jobs.evaluate import fitting
    from petmood.report.evaluation import evaluation_html

    judge = model if model is None or isinstance(model, Bundle) else open_model(Path(model))
    table = None if predictions is None else Path(predictions)
    check = None if isinstance(data, Dataset) else fitting(judge, Path(data), table, mapping or {})
    with _opened(data, seed=seed, splits=False, check=check, **options) as opened:
        facts = work(judge, opened, predictions=table, mapping=mapping, keep_overlap=keep_overlap, seed=seed)
        shown = {wrong.path: opened.thumbnail(wrong.path) for wrong in facts.worst}
    return EvaluateResult(facts, lambda: evaluation_html(facts, shown.get))
