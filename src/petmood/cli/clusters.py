"""`petmood embed`, `cluster` and `name-clusters`: images to vectors, clusters of them, and labels after that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import Backbone, Folds, Json, Seed, fresh, new_in_runs
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from petmood.results import NamedFacts


def cluster(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Folder or .zip of faces, labelled or not; or what embed wrote.")
    ],
    out: Annotated[str | None, new_in_runs("FOLDER", "For clusters and sheets.")] = None,
    method: Annotated[
        Literal["kmeans", "agglomerative", "gmm"],
        typer.Option(metavar="NAME", help="kmeans, agglomerative or gmm; over shards kmeans alone."),
    ] = "kmeans",
    k: Annotated[
        int | None, typer.Option(help="Clusters; over shards it must be given.", show_default="highest silhouette")
    ] = None,
    backbone: Backbone = None,
    seed: Seed = None,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Over shards: where.")] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Over shards: how many at once.", show_default="one a core")
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Ray cluster.", show_default="one started here")
    ] = None,
    json: Json = False,
) -> None:
    """Group photos by looks, with sheets of faces to name.

    Where the data are what embed wrote, vectors are grouped, more than fit into memory.
    """
    from petmood.cli.console import Bars, tell
    from petmood.jobs.cluster_shards import cluster_set
    from petmood.results import ShardClusters

    out = out or str(fresh(data, "clusters"))
    settings = {"k": k, "seed": seed, "engine": engine, "workers": workers, "address": address}
    facts = cluster_set(data, out, settings, Bars(), method=method, backbone=backbone)
    if isinstance(facts, ShardClusters):
        where = f"Clusters of each photo: {out}; inertia {facts.inertia:.6g} after {facts.passes} passes"
    else:
        names = Path(out) / "names.csv"
        where = f"Look:  {Path(out) / 'clusters.html'}\nName:  {names}, then petmood name-clusters {data} {out}"
    tell(facts, json, [f"{facts.n:,} photos in {facts.k} clusters: {', '.join(map(str, facts.sizes))}", where])


@reads_data
def name_clusters(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder or .zip of faces, labelled or not.")],
    folder: Annotated[Path, typer.Argument(metavar="CLUSTERS", help="Folder that petmood cluster wrote.")],
    names: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV: cluster,name.", show_default="names.csv in CLUSTERS")
    ] = None,
    confidence: Annotated[float, typer.Option(min=0, max=1, help="Photos below it get no label.")] = 0.0,
    backbone: Backbone = None,
    seed: Seed = None,
    folds: Folds = None,
    json: Json = False,
) -> None:
    """Turn named clusters into labels, and judge them."""
    from petmood.cli.console import Bars, tell
    from petmood.config import run_settings
    from petmood.jobs.cluster_naming import name_clusters as work

    settings = run_settings("quick", backbone=backbone, seed=seed, folds=folds)
    facts = work(data, folder, settings, Bars(), names=names, confidence=confidence)
    tell(facts, json, _summary(facts, folder / "labels.csv"))


def _summary(facts: NamedFacts, labels: Path) -> Iterator[str]:
    from petmood.report.wording import gained, plain

    yield f"{facts.labelled:,} of {facts.n:,} photos labelled in {labels}: {facts.by_class}"
    yield f"A model trained on these labels tells them in {plain(facts.accuracy, facts.accuracy_ci)}."
    if a := facts.agreement:
        kappa = "undefined: one class throughout"
        if a.kappa is not None and a.kappa_ci is not None:
            kappa = plain(a.kappa, a.kappa_ci)
        yield f"Against the original labels: kappa {kappa}"
        t = a.trained
        yield f"Judged by the original labels: {t.accuracy:.3f}, against {t.reference_accuracy:.3f} when trained on"
        yield f"them: {gained(t.gain, t.gain_ci)}, n = {t.n}."


def embed(
    data: Annotated[str, typer.Argument(metavar="DATA", help="Folder, .zip or URL of images, labelled or not.")],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FOLDER", help="Or URL; given again, it goes on.")],
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="local: this process; ray: many, on a cluster.")
    ] = "local",
    backbone: Annotated[
        str, typer.Option(metavar="NAME", help="Frozen network that makes vectors.")
    ] = "efficientnet-lite0",
    batch_size: Annotated[
        int | None, typer.Option(help="Images in one inference.", show_default="4 on a CPU, 32 on a GPU")
    ] = None,
    shard_rows: Annotated[int, typer.Option(help="Images in a shard, on average.")] = 1024,
    workers: Annotated[int | None, typer.Option(help="Ray's workers.", show_default="one a core")] = None,
    threads: Annotated[
        int | None, typer.Option(help="Cores of a worker.", show_default="all with local, 1 with ray")
    ] = None,
    gpus: Annotated[float, typer.Option(help="Share of a GPU for each of Ray's workers.")] = 0.0,
    provider: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="What ONNX Runtime runs on.")] = "auto",
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Ray cluster; also ray://host:port.", show_default="one started here"),
    ] = None,
    json: Json = False,
) -> None:
    """Turn images into vectors, here or on a cluster.

    Interrupted or killed, the same command goes on.
    """
    from petmood.cli.console import Bars, tell
    from petmood.jobs.embed import EmbedSettings
    from petmood.jobs.embed import embed as work

    how = {"engine": engine, "backbone": backbone, "batch_size": batch_size, "shard_rows": shard_rows}
    where = {"workers": workers, "threads": threads, "gpus": gpus, "provider": provider, "address": address}
    index = work(data, out, EmbedSettings.create(how | where), Bars())
    rejected = index.rejected
    lines = [f"{index.n:,} vectors of {index.dim} numbers in {len(index.shards):,} shards: {out}"]
    lines += [f"Rejected: {file.path}: {file.reason}" for file in rejected[:5]]
    if len(rejected) > 5:
        lines.append(f"{len(rejected):,} files rejected in all; embedding.json names each.")
    tell(index, json, lines)
