"""`petmood cluster` and `petmood name-clusters`: cluster first, label after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.reading import reads_data


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("cluster")(cluster)
    app.command("name-clusters")(reads_data(name_clusters))


Data = Annotated[Path, typer.Argument(help="Folder or .zip of faces, labelled or not.", show_default=False)]
Backbone = Annotated[
    str | None, typer.Option(help="Frozen network that makes features.", show_default="efficientnet-lite0")
]
Seed = Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="42")]
Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")]


def cluster(
    data: Annotated[
        str, typer.Argument(help="Folder or .zip of faces, labelled or not; or what embed wrote.", show_default=False)
    ],
    out: Annotated[str, typer.Option("--out", "-o", help="Folder for clusters and sheets.", show_default=False)],
    method: Annotated[str, typer.Option(help="kmeans, agglomerative or gmm; over shards kmeans alone.")] = "kmeans",
    k: Annotated[
        int | None, typer.Option(help="Clusters; over shards it must be given.", show_default="highest silhouette")
    ] = None,
    backbone: Backbone = None,
    seed: Seed = None,
    engine: Annotated[str, typer.Option(help="Over shards: local or ray.")] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Over shards: how many at once.", show_default="one a core")
    ] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster.", show_default="one started here")] = None,
    json: Json = False,
) -> None:
    """Group photos by looks alone, and write sheets of faces to name the groups by; or vectors that embed wrote."""
    from petmood.cli.console import Bars, print_json
    from petmood.jobs.cluster_shards import cluster_set
    from petmood.results import ShardClusters

    settings = {"k": k, "seed": seed, "engine": engine, "workers": workers, "address": address}
    facts = cluster_set(data, out, settings, Bars(), method=method, backbone=backbone)
    if json:
        print_json(facts.model_dump(mode="json"))
        return
    typer.echo(f"{facts.n:,} photos in {facts.k} clusters: {', '.join(map(str, facts.sizes))}")
    if isinstance(facts, ShardClusters):
        typer.echo(f"Clusters of each photo: {out}; inertia {facts.inertia:.6g} after {facts.passes} passes")
        return
    folder = Path(out)
    typer.echo(
        f"Look:  {folder / 'clusters.html'}\nName:  {folder / 'names.csv'}, then petmood name-clusters {data} {out}"
    )


def name_clusters(
    data: Data,
    folder: Annotated[Path, typer.Argument(help="Folder that petmood cluster wrote.", show_default=False)],
    names: Annotated[Path | None, typer.Option(help="CSV: cluster,name.", show_default="FOLDER/names.csv")] = None,
    confidence: Annotated[float, typer.Option(min=0, max=1, help="Photos below it get no label.")] = 0.0,
    backbone: Backbone = None,
    seed: Seed = None,
    folds: Annotated[int | None, typer.Option(help="Folds of cross-validation.", show_default="5")] = None,
    json: Json = False,
) -> None:
    """Turn named clusters into labels.csv, and say what these labels are worth."""
    from petmood.cli.console import Bars, print_json
    from petmood.config import run_settings
    from petmood.jobs.cluster_naming import name_clusters as work

    settings = run_settings("quick", backbone=backbone, seed=seed, folds=folds)
    facts = work(data, folder, settings, Bars(), names=names, confidence=confidence)
    if json:
        print_json(facts.model_dump(mode="json"))
        return
    typer.echo(f"{facts.labelled:,} of {facts.n:,} photos labelled in {folder / 'labels.csv'}: {facts.by_class}")
    low, high = facts.accuracy_ci
    typer.echo(f"A model trained on these labels tells them in {facts.accuracy:.3f} ({low:.3f} to {high:.3f}).")
    if a := facts.agreement:
        kappa = "undefined: one class throughout"
        if a.kappa is not None and a.kappa_ci is not None:
            kappa = f"{a.kappa:.3f} ({a.kappa_ci[0]:.3f} to {a.kappa_ci[1]:.3f})"
        typer.echo(f"Against the original labels: kappa {kappa}")
        t = a.trained
        typer.echo(
            f"Judged by the original labels: {t.accuracy:.3f}, against {t.reference_accuracy:.3f} when trained on"
        )
        typer.echo(f"them: {t.gain:+.3f} ({t.gain_ci[0]:+.3f} to {t.gain_ci[1]:+.3f}), n = {t.n}.")
