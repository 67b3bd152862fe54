"""Images -> links between those that show one photo, found in their pixels alone and kept by content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from petmood.cache import ContentCache
from petmood.families.candidates import candidate_pairs
from petmood.families.geometry import Verdict, Verifier, rules
from petmood.families.local import LocalFeatures, local_features, namespace
from petmood.pictures import Pictures
from petmood.records import ImageRecord

STRONG_INLIERS: Final = 20
STRONG_AGREEMENT: Final = 0.85
"""From here on one link joins two families by itself; below, most pairs across them must confirm it."""

ALIKE_INLIERS: Final = 12
ALIKE_LIKENESS: Final = 0.5
"""From here on two pictures that are not one photo are told of as much alike: one animal twice, or one scene."""

_VERSION: Final = 1
_ROUNDS: Final = 4
_WITNESSES: Final = 8  # further pairs looked at to confirm a weak link


@dataclass(frozen=True, slots=True)
class Link:
    """Two files by their digests, `first` < `second`, and how well one picture lies on the other."""

    first: str
    second: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class PixelLinks:
    """What pixels say of a set of files.

    Attributes:
        same: pairs that show one photo. Whatever they connect is one family.
        alike: pairs of different photos of much the same: the same animal again, or the next moment. They join nothing.
    """

    same: tuple[Link, ...]
    alike: tuple[Link, ...]


def find_links(
    records: Sequence[ImageRecord],
    pictures: Pictures,
    cache: ContentCache,
    progress: Callable[[int, int], None] | None = None,
) -> PixelLinks:
    """Find which files show one photo: cropped, turned, mirrored, relit, resized or saved anew.

    Time grows a little faster than the number of images, never with its square. The same files give the same links,
    whatever their names and order, and at once if they were seen before.

    Args:
        records: images; names, classes and splits are not looked at.
        pictures: reads them.
        cache: keeps local features by image and links by set.
        progress: called with (images looked at, images).
    """
    by_digest = {record.sha256: record for record in records}
    digests = sorted(by_digest)

    def make() -> dict[str, Any]:
        found = local_features([by_digest[sha] for sha in digests], pictures, cache, progress)
        search = _Search(found)
        search.run()
        return {
            name: [[digests[i], digests[j], asdict(verdict)] for (i, j), verdict in sorted(links.items())]
            for name, links in (("same", search.same), ("alike", search.alike))
        }

    kept = cache.remember(f"links/v{_VERSION}", [namespace(), rules(), digests], make)
    same, alike = (tuple(Link(a, b, Verdict(**v)) for a, b, v in kept[name]) for name in ("same", "alike"))
    return PixelLinks(same, alike)


class _Search:
    """Candidates of all pictures, then of one picture for each family found, until nothing more is joined.

    In later rounds the copies of a photo no longer crowd its other relatives out of the candidates.
    """

    def __init__(self, found: list[LocalFeatures]) -> None:
        self._found = found
        self._verifier = Verifier(found)
        self._verdicts: dict[tuple[int, int], Verdict] = {}
        self._members = {i: [i] for i in range(len(found))}
        self._root = list(range(len(found)))
        self.same: dict[tuple[int, int], Verdict] = {}
        self.alike: dict[tuple[int, int], Verdict] = {}

    def run(self) -> None:
        """Fill `same` and `alike`."""
        shown = list(range(len(self._found)))
        for _ in range(_ROUNDS):
            if not self._round(shown):
                break
            shown = sorted(max(members, key=self._size) for members in self._members.values())
        self.alike = {
            pair: verdict
            for pair, verdict in self._verdicts.items()
            if self._root[pair[0]] != self._root[pair[1]]
            and verdict.inliers >= ALIKE_INLIERS
            and verdict.likeness >= ALIKE_LIKENESS
        }

    def _size(self, i: int) -> tuple[int, int, int]:
        """Sorts pictures by how much of a photo they are likely to show."""
        return self._found[i].width * self._found[i].height, len(self._found[i].points), -i

    def _round(self, shown: list[int]) -> bool:
        """Look at the candidates among some pictures; True if anything was joined."""
        pairs = [(shown[i], shown[j]) for i, j in candidate_pairs([self._found[k] for k in shown]).tolist()]
        linked = [(pair, self._verdicts[pair]) for pair in self._look(pairs)]
        # strong links first, so that weak ones find whole families to be confirmed by
        linked.sort(key=lambda item: (not _strong(item[1]), -item[1].agreement, item[0]))
        joined = False
        for pair, verdict in linked:
            a, b = self._root[pair[0]], self._root[pair[1]]
            if a == b:
                self.same[pair] = verdict
            elif _strong(verdict) or self._confirmed(pair, a, b):
                self.same[pair] = verdict
                self._join(a, b)
                joined = True
        return joined

    def _look(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Verify pairs that were not yet; gives back those that are the same photo."""
        ordered = [(min(pair), max(pair)) for pair in pairs]
        fresh = [pair for pair in ordered if pair not in self._verdicts]
        self._verdicts.update(zip(fresh, self._verifier.verify_all(fresh), strict=True))
        return [pair for pair in ordered if self._verdicts[pair].same_photo]

    def _confirmed(self, pair: tuple[int, int], a: int, b: int) -> bool:
        """Whether most other pairs across two families say the same; two single pictures have only their one link."""
        others = [(i, j) for i in self._members[a] for j in self._members[b] if {i, j} != set(pair)]
        witnesses = others[:_WITNESSES]
        return 2 * len(self._look(witnesses)) >= len(witnesses)

    def _join(self, a: int, b: int) -> None:
        a, b = min(a, b), max(a, b)
        for i in self._members[b]:
            self._root[i] = a
        self._members[a] += self._members.pop(b)


def _strong(verdict: Verdict) -> bool:
    return verdict.inliers >= STRONG_INLIERS and verdict.agreement >= STRONG_AGREEMENT
