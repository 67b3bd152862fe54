"""Charts are well-formed, themed, alike from run to run, and show the numbers they are given."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from petmood.report import facts, plots
from petmood.report.palette import TOKENS
from petmood.results import Epochs, SizeCount

from .sample_results import CURVES, LOGISTIC, MOODS, clusters, dataset, model, results

SVG = "{http://www.w3.org/2000/svg}"


def texts(chart: str) -> list[str]:
    return [(node.text or "").replace("\u202f", " ") for node in ET.fromstring(chart).iter(f"{SVG}text")]


def all_charts() -> dict[str, str]:
    data, split = dataset(), clusters().splits["train"]
    protocol = facts.protocols(results())[0]
    return {
        "counts": plots.class_counts("a", data.splits["train"], MOODS, "label"),
        "sizes": plots.sizes("b", data.sizes, MOODS, 250, "label"),
        "clusters": plots.cluster_sizes("c", split, "label"),
        "pie": plots.cluster_pie("d", split.composition[0], MOODS, "label"),
        "loss": plots.curves("e", CURVES, "loss", "label"),
        "accuracy": plots.curves("f", CURVES, "accuracy", "label"),
        "confusion": plots.confusion("g", model("m", "M", LOGISTIC), "label"),
        "wide": plots.forest("h", protocol, True, "label"),
        "narrow": plots.forest("i", protocol, False, "label"),
    }


@pytest.fixture(scope="module")
def charts() -> dict[str, str]:
    return all_charts()


def test_every_chart_is_an_image_with_a_text_label_and_a_size(charts: dict[str, str]) -> None:
    for name, chart in charts.items():
        root = ET.fromstring(chart)
        assert root.tag == f"{SVG}svg", name
        assert (root.get("role"), root.get("aria-label")) == ("img", "label"), name
        assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}", name


def test_charts_take_their_colours_and_font_from_the_page(charts: dict[str, str]) -> None:
    for name, chart in charts.items():
        assert not [stand_in for stand_in in TOKENS if stand_in in chart], name
        assert "font-family" not in chart, name
        assert "<metadata" not in chart, name
    assert "var(--accent" in charts["loss"]
    assert "var(--heat" in charts["confusion"]


def test_ids_are_unique_across_charts_and_every_reference_has_its_target(charts: dict[str, str]) -> None:
    ids = [node.get("id") for chart in charts.values() for node in ET.fromstring(chart).iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    for chart in charts.values():
        targets = {node.get("id") for node in ET.fromstring(chart).iter()}
        for node in ET.fromstring(chart).iter():
            for key, value in node.attrib.items():
                if key.endswith("href"):
                    assert value.removeprefix("#") in targets
                if value.startswith("url(#"):
                    assert value[5:-1] in targets


def test_charts_are_the_same_in_another_process(charts: dict[str, str]) -> None:
    # Hash randomisation and time must not show.
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from hashlib import sha256\n"
        "from tests.report.test_plots import all_charts\n"
        "print(sha256(''.join(all_charts().values()).encode()).hexdigest())"
    )
    root = str(__import__("pathlib").Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program, root],
        env=os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    from hashlib import sha256

    assert done.stdout.strip() == sha256("".join(charts.values()).encode()).hexdigest()


def test_class_counts_show_files_and_photos(charts: dict[str, str]) -> None:
    assert texts(charts["counts"]) == [
        text for name, n in zip(MOODS, (90, 84, 75, 47), strict=True) for text in (name, f"250 files, {n} photos")
    ]


def test_cluster_columns_show_each_size(charts: dict[str, str]) -> None:
    assert {"281", "280", "251", "188", "1", "2", "3", "4"} <= set(texts(charts["clusters"]))


def test_a_pie_shows_the_shares_of_its_larger_sectors(charts: dict[str, str]) -> None:
    assert texts(charts["pie"]) == ["54 %", "21 %", "17 %"]
    assert texts(plots.cluster_pie("p", {"happy": 3}, MOODS, "label")) == ["100 %"]
    assert texts(plots.cluster_pie("p", {"happy": 0}, MOODS, "label")) == ["empty"]


def test_a_confusion_matrix_has_actual_classes_in_rows(charts: dict[str, str]) -> None:
    shown = texts(charts["confusion"])
    assert shown[:2] == ["predicted", "actual"]
    first_row = shown[shown.index("happy") + 2 :][:8]
    assert first_row == ["70", "62 %", "21", "19 %", "13", "12 %", "8", "7 %"]


@pytest.mark.parametrize("wide", [True, False])
def test_the_forest_plot_shows_every_model_baseline_and_the_majority_class(wide: bool) -> None:
    protocol = facts.protocols(results())[0]
    shown = " ".join(texts(plots.forest("f", protocol, wide, "label")))
    assert "majority class 30.3 %" in shown
    for row in protocol.rows:
        assert f"{100 * row.accuracy:.1f} %" in shown
        assert row.title[:20] in shown
    assert ("(41.2–51.3 %)" in shown) == wide


def test_a_perfect_model_stays_inside_the_forest_plot() -> None:
    perfect = model("m", "M", ((20, 0), (0, 20)), classes=("a", "b"))
    (protocol,) = facts.protocols(results().model_copy(update={"models": (perfect,), "baselines": ()}))
    assert "100 %" in texts(plots.forest("f", protocol, True, "label"))


@pytest.mark.parametrize("n", [0, 1])
def test_curves_of_hardly_any_epoch_are_drawn(n: int) -> None:
    short = Epochs(loss=(1.0,) * n, accuracy=(0.5,) * n, val_loss=(), val_accuracy=())
    for quantity in ("loss", "accuracy"):
        shown = texts(plots.curves("k", short, quantity, "label"))
        assert ("train" in shown) == bool(n)
        assert "validation" not in shown


def test_very_many_sizes_are_rounded_to_a_grid() -> None:
    found = [SizeCount(split="train", class_name="happy", width=100 + i, height=900 - i, count=1) for i in range(800)]
    drawn = plots.sizes("s", found, MOODS, 1000, "label")
    assert 10 < drawn.count("#6acc64") < 100


@pytest.mark.parametrize(
    "name", ["$x^2$", "<b>&\"'", "ab\x00\n", "とても悲しい", "#010203", 'style="font-family: x"', "x" * 300]
)
def test_a_class_may_be_called_anything(name: str) -> None:
    classes = (name, "happy")
    charts = [
        plots.class_counts("a", dataset(classes).splits["train"], classes, name),
        plots.confusion("b", model("m", name, ((3, 1), (1, 3)), classes=classes), name),
    ]
    for chart in charts:
        ET.fromstring(chart)
    if len(name) < 12 and name.isprintable():
        assert all(name in texts(chart) for chart in charts)
