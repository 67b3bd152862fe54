"""The only way from files to pixels: bytes of a picture in any format -> upright RGB, bounded in time and memory."""

from petmood.images.containers import FORMATS, identify
from petmood.images.decoding import (
    CANONICAL,
    DECODE_VERSION,
    LARGE,
    LONGEST,
    NOTES,
    Decoded,
    ImageInfo,
    Pixels,
    Resized,
    decode,
    decode_full,
    from_picture,
    limit_pixels,
    open_rgb,
    part,
    preview,
    probe,
    read,
    resize,
    shrunk,
    thumbnail,
    to_thumbnail,
    to_unit,
    upright,
)
from petmood.images.limits import MAX_FILE_BYTES, MAX_PIXELS
from petmood.images.naming import EXTENSIONS, MISNAMED, is_misnamed
