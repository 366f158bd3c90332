"""What the page shows while somebody types: rows, and results field by field."""

from studio_bench import Post, find_row


def test_rows(post: Post) -> None:
    answer = post("operation")
    email = find_row(answer, "email")
    assert email["badge"] == "account" and email["scope"] == "resource" and email["state"] == "own"
    assert email["expression"] == "$uppercase(response.properties.email)"
    assert [level["level"] for level in email["levels"]] == ["account", "base"]
    assert email["levels"][0]["place"]["file"] == "accounts/acme.yaml"
