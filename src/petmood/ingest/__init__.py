"""A folder or zip archive of images -> Manifest."""

from petmood.ingest.reader import read_dataset

__all__ = ["read_dataset"]
