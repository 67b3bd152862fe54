"""The page: well-formed, complete in itself, the same for the same results, whatever the data is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from petmood.analyses.page import report_html
from petmood.report.cautions import caution
from petmood.results import Results, Sample, SizeCount
from petmood.results.models import protocol_text
from petmood.store import write_text

from .sample_results import clusters, dataset, results, thumbnail, with_classes

XHTML = re.compile(r"<!DOCTYPE html>\s*")
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
HOSTILE = ("<script>alert(1)</script>", "\" onload='x", "{{ 7 * 7 }}", "&amp;", "happy")


def parse(page: str) -> ET.Element:
    """The page as XML, which is stricter than HTML: every element closed, every attribute quoted, no stray sign."""
    return ET.fromstring(XHTML.sub("", page))


def words(root: ET.Element) -> str:
    return re.sub(r"\s+", " ", "".join(root.itertext())).replace("\u2060", "")


@pytest.fixture(scope="module")
def page() -> str:
    return report_html(results(), thumbnail)


@pytest.fixture(scope="module")
def root(page: str) -> ET.Element:
    return parse(page)


def test_the_file_is_written_with_equal_bytes_for_equal_results(tmp_path: Path, page: str) -> None:
    out = tmp_path / "größe" / "report.html"
    write_text(out, report_html(results(), thumbnail))
    assert out.read_bytes() == page.encode()
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]


def test_the_page_asks_no_host_for_anything(page: str, root: ET.Element) -> None:
    assert set(re.findall(r"https?://[^\s\"'<>)]+", page)) <= NAMESPACES
    assert not re.search(r"url\((?!#)|@import|<script|<iframe|<object|<link(?! rel=\"icon\" href=\"data:,\")", page)
    for node in root.iter():
        for key, value in node.attrib.items():
            name = key.rpartition("}")[2]
            if name in {"src", "href"}:
                assert value.startswith(("data:", "#")), (node.tag, key, value)
            assert not name.startswith("on"), (node.tag, key)


def test_a_policy_forbids_what_the_page_does_not_need(root: ET.Element) -> None:
    (policy,) = [m.get("content", "") for m in root.iter("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy


def test_ids_are_unique_and_every_link_leads_somewhere(root: ET.Element) -> None:
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    targets = [node.get("href", "").removeprefix("#") for node in root.iter("a")]
    assert {"found", "data", "clusters", "models", "reading", "reproduce", "main", "contents"} == set(targets)
    assert set(targets) <= set(ids)
    assert {node.get("aria-labelledby") for node in root.iter("section")} <= set(ids)


def test_the_page_can_be_used_without_seeing_it(root: ET.Element) -> None:
    assert root.get("lang") == "en"
    for landmark in ("header", "nav", "main", "footer"):
        assert len(list(root.iter(landmark))) == 1
    for figure in root.iter("figure"):
        (caption,) = figure.iter("figcaption")
        assert words(caption).strip()
    for chart in root.iter("{http://www.w3.org/2000/svg}svg"):
        assert chart.get("aria-label")
    assert all(image.get("alt") is not None for image in root.iter("img"))
    assert all(cell.get("scope") for cell in root.iter("th"))
    levels = [int(node.tag[1]) for node in root.iter() if re.fullmatch(r"h\d", str(node.tag))]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_every_part_of_the_results_is_on_the_page(root: ET.Element) -> None:
    said = words(root)
    data, env = results().dataset, results().environment
    for text in (
        "1,074 files are 370 photos: 704 are edited copies",
        "1,078 files found: 1,074 accepted, 2 rejected because they cannot be used, 2 ignored",
        *(skipped.path for skipped in data.rejected + data.ignored),
        *(skipped.reason for skipped in data.rejected + data.ignored),
        *(caution(warning) for warning in data.warnings),
        *(m.title for m in results().models + results().baselines),
        *(protocol_text(m) for m in results().models),
        *env.packages,
        *env.seconds,
        env.platform,
        "1 min 33 s in all",
        "Silhouette",
        "Lanczos",
    ):
        assert text in said.replace("\u202f", " "), text


def test_an_interval_does_not_break_across_lines(page: str) -> None:
    assert "41.2–\u206051.3" in page


def test_the_sample_grid_holds_the_pictures_themselves(root: ET.Element) -> None:
    (grid,) = [node for node in root.iter("ul") if node.get("class") == "samples"]
    pictures = list(grid.iter("img"))
    assert len(pictures) == 15
    assert len({image.get("src") for image in pictures}) > 10
    assert all(image.get("src", "").startswith("data:image/jpeg;base64,/9j/") for image in pictures)
    assert pictures[1].get("alt") == "Sample from train, labelled Sad"


def test_pictures_that_cannot_be_had_are_left_out() -> None:
    asked: list[str] = []

    def some(path: str) -> bytes | None:
        asked.append(path)
        return thumbnail(path) if "happy" in path else None

    root = parse(report_html(results(), some))
    assert asked == [sample.path for sample in results().dataset.samples]
    assert "4 of 1,074 images" in words(root)
    bare = parse(report_html(results(), lambda _: None))
    assert list(bare.iter("img")) == []
    assert "A look at the pictures" not in words(bare)


def without_clusters() -> Results:
    return results().model_copy(update={"clusters": ()})


def one_model() -> Results:
    return results().model_copy(update={"models": results().models[:1], "baselines": ()})


def no_models() -> Results:
    return results().model_copy(update={"models": (), "baselines": ()})


def nothing_left_out() -> Results:
    bare = dataset().model_copy(update={"rejected": (), "ignored": (), "found": 1074, "warnings": (), "samples": ()})
    return results().model_copy(update={"dataset": bare})


def two_clusterings() -> Results:
    more = clusters().model_copy(update={"name": "k-means on MobileNet", "fitted_on": "all"})
    return results().model_copy(update={"clusters": (clusters(), more)})


def no_sizes_no_times() -> Results:
    env = results().environment.model_copy(update={"seconds": {}, "packages": {}, "cache": {}})
    return results().model_copy(update={"dataset": dataset().model_copy(update={"sizes": ()}), "environment": env})


def one_class() -> Results:
    return with_classes(["happy"])


def twelve_classes() -> Results:
    return with_classes(
        [f"class {i}" for i in range(10)] + ["überrascht und sehr, sehr neugierig", "とても悲しい猫の顔"]
    )


@pytest.mark.parametrize(
    "make",
    [
        without_clusters,
        one_model,
        no_models,
        nothing_left_out,
        two_clusterings,
        no_sizes_no_times,
        one_class,
        twelve_classes,
        lambda: with_classes(["calm", "ängstlich"]),
    ],
)
def test_the_page_holds_for_other_shapes_of_data(make: Callable[[], Results]) -> None:
    made = make()
    root = parse(report_html(made, lambda _: None))
    said = words(root)
    assert ("Silhouette" in said) == bool(made.clusters)
    assert ("Model by model" in said) == bool(made.models)
    assert ("rejected file" in said) == bool(made.dataset.rejected)
    assert ("Before you trust" in said) == bool(made.dataset.warnings)
    assert "None" not in said
    targets = {node.get("href", "").removeprefix("#") for node in root.iter("a")}
    assert targets <= {node.get("id") for node in root.iter()}
    for name in made.dataset.classes:
        assert name in said


def test_names_are_text_whatever_they_look_like() -> None:
    made = with_classes(HOSTILE)
    sample = Sample(path="train/x/<img src=x onerror=alert(1)>.jpg", class_name=HOSTILE[0], split="train")
    data = made.dataset.model_copy(update={"name": "</title><script>", "samples": (sample,)})
    titled = tuple(m.model_copy(update={"title": "<i>M</i>", "split_use": {"<b>": "<u>"}}) for m in made.models)
    page = report_html(made.model_copy(update={"dataset": data, "models": titled}), thumbnail)
    root = parse(page)
    assert not [node.tag for node in root.iter() if node.tag in {"script", "i", "u", "b"}]
    assert {"onload", "onerror"} & {key for node in root.iter() for key in node.attrib} == set()
    for name in HOSTILE:
        assert name in words(root)
    assert "49" not in "".join(node.text or "" for node in root.iter("th"))


def test_names_that_no_document_may_contain_are_shown_as_such() -> None:
    made = with_classes(["a\x00b", "c\nd"])
    data = made.dataset.model_copy(update={"name": "caf\udce9"})
    page = report_html(made.model_copy(update={"dataset": data}), lambda _: None)
    assert "a\ufffdb" in words(parse(page))
    page.encode()


def test_what_is_long_is_folded_and_its_words_are_there(root: ET.Element) -> None:
    folds = list(root.iter("details"))
    assert all(fold.get("open") is None and words(next(fold.iter("summary"))).strip() for fold in folds)
    inside = "".join(words(fold) for fold in folds)
    assert all(m.title in inside for m in results().models)


@pytest.mark.parametrize(("different", "drawn"), [(3, False), (4, True)])
def test_a_few_sizes_are_a_sentence_and_no_chart(different: int, drawn: bool) -> None:
    one = SizeCount(split="train", class_name="happy", width=100, height=100, count=5)
    sizes = tuple(one.model_copy(update={"width": 100 + i}) for i in range(different))
    made = results()
    data = made.dataset.model_copy(update={"sizes": sizes})
    page = report_html(made.model_copy(update={"dataset": data}), lambda _: None)
    assert f"{different} different sizes" in page
    assert ("Sizes as charts" in page) is drawn


def test_every_section_drives_its_own_entry_of_the_rail(page: str, root: ET.Element) -> None:
    for section in root.iter("section"):
        name = section.get("id")
        assert f"#{name} {{ view-timeline: --at-{name} " in page
        assert f'.toc a[href="#{name}"] {{ animation-timeline: --at-{name}; }}' in page


@pytest.mark.parametrize("option", ["--labels", "--group-by", "--map THEIRS=OURS"])
def test_options_in_sentences_do_not_break_and_names_are_still_escaped(option: str) -> None:
    from petmood.report.html import _finalize

    assert (
        str(_finalize(f"Give it with {option} and <b>."))
        == f'Give it with <span class="range">{option}</span> and &lt;b&gt;.'
    )
    assert _finalize(f"petmood run {option}") == f"petmood run {option}"
    assert "span" not in str(_finalize("well--known and -x."))
