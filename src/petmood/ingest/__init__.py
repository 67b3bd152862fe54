"""A folder or zip archive of images -> Manifest."""

from petmood.ingest.reader import Progress, read_dataset

__all__ = ["Progress", "read_dataset"]
