"""Bodies and answers of OpenAPI documents that are no JSON: sent and read by their media types."""

import pytest


@pytest.mark.parametrize(
    ("content", "header", "lost"),
    [
        ({"application/octet-stream": {}}, "application/octet-stream", None),
        ({"image/*": {}, "image/png": {}}, "image/png", "bodies of image/*: image/png is sent instead"),
        ({"image/*": {}}, None, None),
        (
            {"text/plain": {}, "text/x-markdown": {}},
            "text/plain",
            "bodies of text/x-markdown: text/plain is sent instead",
        ),
        ({"application/xml": {}}, "application/xml", None),
    ],
)
def test_a_body_that_is_no_data_is_sent_as_it_is(imported, api, content, header, lost) -> None:
    made = imported(api({"/files": {"post": {"requestBody": {"content": content}, "responses": {}}}}))
    row = made.operation("files.create")
    assert row["body_format"] == "raw" and row.get("headers", {}).get("Content-Type") == header
    assert [what for what in made.lost if what.startswith("bodies")] == ([lost] if lost else [])


@pytest.mark.parametrize(
    ("kinds", "read", "lost"),
    [
        (["application/pdf"], "binary", False),
        (["image/png", "image/jpeg"], "binary", False),
        (["application/octet-stream"], "binary", False),
        (["application/vnd.ms-excel"], "binary", False),
        (["text/csv"], "csv", False),
        (["application/x-ndjson"], "jsonl", False),
        (["application/atom+xml; charset=utf-8"], "xml", False),
        (["image/svg+xml"], "xml", False),
        (["text/plain"], "text", False),
        (["text/html", "text/csv"], "text", False),
        (["application/pdf", "text/csv"], "text", True),
        (["application/x-own"], "text", True),
        (["application/json", "application/pdf"], None, False),
    ],
)
def test_an_answer_is_read_by_its_media_type(imported, api, kinds, read, lost) -> None:
    answer = {"200": {"description": "ok", "content": {kind: {} for kind in kinds}}}
    made = imported(api({"/files/{id}/content": {"get": {"responses": answer}}}))
    [row] = [row for rows in made.data["resources"].values() for row in rows.values()]
    assert row.get("response_format") == read
    assert any("read as text" in what for what in made.lost) is lost
