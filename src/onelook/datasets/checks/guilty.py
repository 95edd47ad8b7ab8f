"""Which pictures a finding is about."""

from collections.abc import Iterable

from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Finding


def guilty_images(dataset: Dataset, findings: Iterable[Finding]) -> list[list[int]]:
    """Return for each finding the indices of its picture, or of the one whose label it names, and of others that its words name.

    A finding about no single picture has none.
    """
    places = {str(picture): index for index, picture in enumerate(dataset.paths)}
    stems = {picture.stem: index for index, picture in enumerate(dataset.paths)}
    return [_guilty(finding, places, stems) for finding in findings]


def _guilty(finding: Finding, places: dict[str, int], stems: dict[str, int]) -> list[int]:
    own = places.get(str(finding.path), stems.get(finding.path.stem))
    words = (word.strip("(),;") for word in finding.what.split())
    named = [places[word] for word in words if word in places]
    return list(dict.fromkeys(index for index in (own, *named) if index is not None))
