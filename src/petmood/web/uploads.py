"""A request -> the pictures in it: one as the raw body, or many as multipart fields named `images`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from petmood.escaping import one_line
from petmood.web.problems import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

FIELD: Final = "images"
_RAW: Final = ("image/", "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture as it was sent: its file name (or "image") and its bytes."""

    name: str
    data: bytes


REQUEST_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FIELD],
                "properties": {
                    FIELD: {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
                },
            }
        },
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}
"""The OpenAPI description of what `read_uploads` takes."""


async def read_uploads(request: Request, max_images: int) -> list[Upload]:
    """All pictures of a request, in their order; at least one.

    Raises:
        Refusal: no picture, too many, or a kind of body that is not taken.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _from_form(request, max_images)
    if kind.startswith(_RAW):
        data = await request.body()
        if not data:
            raise _nothing("an empty body")
        return [Upload("image", data)]
    raise Refusal(
        415,
        "this kind of body is not taken",
        f"Content-Type: {kind or 'none'}",
        f"Send multipart/form-data with fields named '{FIELD}', or one image as the body with its image/... type.",
    )


async def _from_form(request: Request, max_images: int) -> list[Upload]:
    from starlette.datastructures import UploadFile
    from starlette.exceptions import HTTPException

    try:
        async with request.form(max_files=max_images, max_fields=max_images) as form:
            found = []
            for item in form.getlist(FIELD):
                if not isinstance(item, UploadFile):
                    raise _nothing(f"a text field '{FIELD}'")
                found.append(Upload(one_line(item.filename or "image"), await item.read()))
            names = sorted({str(name)[:40] for name in form})
            lost = [name for name, item in form.multi_items() if isinstance(item, UploadFile) and name != FIELD]
    except (HTTPException, ValueError) as error:  # a form may name any encoding for its texts
        raise Refusal(
            400,
            "the form cannot be read",
            error.detail if isinstance(error, HTTPException) else str(error),
            f"Send at most {max_images} files, each as a multipart field named '{FIELD}'.",
        ) from error
    if not found:
        raise _nothing(f"fields {names}" if names else "a form without fields")
    if lost:
        raise Refusal(
            400,
            "a picture under another name would be left out",
            f"a file in the field '{lost[0][:40]}'",
            f"Name each field of a picture '{FIELD}'.",
        )
    return found


def _nothing(got: str) -> Refusal:
    return Refusal(
        400,
        "no image in the request",
        got,
        f"Send images as multipart fields named '{FIELD}', or one image as the body.",
    )
