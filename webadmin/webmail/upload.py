"""Uploads are cut off when they grow too large, before anything is kept of them.

The rest of the request is read and thrown away, so that the browser hears the answer; the view finds request.upload_is_too_large.
"""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from webadmin.webmail.drafts import FILES_MAX


class Cap(FileUploadHandler):
    """Comes before the handlers that keep what they are given."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._seen = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self._seen += len(raw_data)
        if self._seen > FILES_MAX:
            if self.request is not None:
                self.request.upload_is_too_large = True  # type: ignore[attr-defined]
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
