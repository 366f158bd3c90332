"""Which keys only people read: by their place, never by their name alone."""

import pytest

from conn_engine.config import is_remark


@pytest.mark.parametrize(
    "path",
    [
        "label",
        "docs_url",
        "resources.contacts.description",
        "resources.contacts.list.description",
        "unified.crm.contacts.description",
        "unified.crm.contacts.list.description",
        "credentials.config.label",
        "credentials.config.username_label",
        "credentials.config.password_label",
        "credentials.config.ask.0.label",
    ],
)
def test_descriptions_are_remarks(path):
    assert is_remark(tuple(int(key) if key.isdigit() else key for key in path.split(".")))


@pytest.mark.parametrize("name", ["label", "description", "note", "docs_url", "title"])
@pytest.mark.parametrize(
    "place",
    [
        "unified.crm.contacts.list.response_mapping",
        "unified.crm.contacts.list.response_mapping.custom_fields",
        "unified.crm.contacts.response_mapping",
        "unified.crm.contacts.create.request_body_mapping",
        "resources.contacts.create.body",
        "resources.contacts.query",
        "resources.contacts.list.headers",
        "query",
    ],
)
def test_fields_of_these_names_are_fields(place, name):
    assert not is_remark((*place.split("."), name))


def test_an_operation_may_be_called_so():
    assert not is_remark(("resources", "contacts", "label", "path"))
    assert not is_remark(())
