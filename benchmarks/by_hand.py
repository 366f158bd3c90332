"""Three bundled mappings as a programmer would write them by hand. Standard library only: the peers import it too.

Each gives exactly what the connector's mapping gives (the benchmark asserts it): a field that is undefined there is
absent here. Written for speed within reason: locals, no needless copies, sets for membership.
"""

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["MAPPINGS", "github_ticket", "hubspot_contact", "hubspot_sync_row", "pipedrive_contact"]

Record = dict[str, Any]
Context = Mapping[str, Any]

_OWN = frozenset(
    (
        "email",
        "firstname",
        "lastname",
        "jobtitle",
        "company",
        "phone",
        "mobilephone",
        "fax",
        "address",
        "city",
        "state",
        "zip",
        "country",
        "lifecyclestage",
        "associatedcompanyid",
        "hubspot_owner_id",
        "createdate",
        "lastmodifieddate",
    )
)
_PLAIN = (
    ("first_name", "firstname"),
    ("last_name", "lastname"),
    ("title", "jobtitle"),
    ("email", "email"),
    ("company_name", "company"),
    ("owner_id", "hubspot_owner_id"),
    ("lifecycle_stage", "lifecyclestage"),
    ("lead_source", "hs_analytics_source"),
)
_PHONES = (("phone", "work"), ("mobilephone", "mobile"), ("fax", "fax"))
_ADDRESS = (
    ("street_1", "address"),
    ("city", "city"),
    ("state", "state"),
    ("postal_code", "zip"),
    ("country", "country"),
)


def hubspot_sync_row(record: Record) -> Record:
    """What the `syncing` benchmark delivers of a contact."""
    properties = record["properties"]
    made: Record = {"id": record["id"]}
    for name, own in (("email", "email"), ("updated_at", "lastmodifieddate")):
        if own in properties:
            made[name] = properties[own]
    return made


def hubspot_contact(record: Record, context: Context) -> Record:
    """A contact of HubSpot's CRM objects API as a unified contact."""
    properties = record["properties"]
    made: Record = {"id": record["id"]}
    for name, own in _PLAIN:
        if own in properties:
            made[name] = properties[own]
    names = [properties.get("firstname"), properties.get("lastname")]
    made["name"] = " ".join([name for name in names if name])
    emails = []
    email = properties.get("email")
    if email:
        emails.append({"email": email, "type": None})
    more = properties.get("hs_additional_emails")
    if more:
        emails += [{"email": part.strip(), "type": None} for part in more.split(";")]
    made["emails"] = emails
    phones = []
    for own, kind in _PHONES:
        number = properties.get(own)
        if number:
            phones.append({"number": number, "type": kind})
    made["phone_numbers"] = phones
    made["addresses"] = []
    for _, own in _ADDRESS:
        if properties.get(own):
            made["addresses"] = [{name: properties[key] for name, key in _ADDRESS if key in properties}]
            break
    company = properties.get("associatedcompanyid")
    if not company:
        linked = record.get("associations", {}).get("companies", {}).get("results")
        company = linked[0]["id"] if linked else None
    if company:
        made["company_id"] = company
    for name, own in (("created_at", "createdAt"), ("updated_at", "updatedAt"), ("deleted", "archived")):
        if own in record:
            made[name] = record[own]
    if record.get("url"):
        made["url"] = record["url"]
    elif context.get("portal_id"):
        made["url"] = f"https://app.hubspot.com/contacts/{context['portal_id']}/record/0-1/{record['id']}"
    custom = {key: value for key, value in properties.items() if key[:3] != "hs_" and key not in _OWN}
    if custom:
        made["custom_fields"] = custom
    return made


def _primary_first(items: list[Record]) -> list[Record]:
    return sorted((item for item in items if item["value"] != ""), key=lambda item: 0 if item.get("primary") else 1)


def _labelled(items: list[Record], name: str) -> list[Record]:
    return [{name: item["value"], "type": item["label"].lower() if item.get("label") else None} for item in items]


def pipedrive_contact(record: Record, context: Context) -> Record:
    """A person of Pipedrive's API v2 as a unified contact."""
    made: Record = {"id": str(record["id"])}
    for name, own in (
        ("first_name", "first_name"),
        ("last_name", "last_name"),
        ("name", "name"),
        ("title", "job_title"),
        ("created_at", "add_time"),
        ("updated_at", "update_time"),
        ("deleted", "is_deleted"),
        ("custom_fields", "custom_fields"),
    ):
        if own in record:
            made[name] = record[own]
    emails = _primary_first(record.get("emails") or [])
    made["email"] = emails[0]["value"] if emails else None
    made["emails"] = _labelled(emails, "email")
    made["phone_numbers"] = _labelled(_primary_first(record.get("phones") or []), "number")
    made["addresses"] = []
    address = record.get("postal_address")
    if address and address.get("value"):
        place: Record = {}
        if address.get("route"):
            place["street_1"] = " ".join(part for part in (address.get("street_number"), address["route"]) if part)
        else:
            place["street_1"] = address["value"]
        for name, own in (
            ("street_2", "subpremise"),
            ("city", "locality"),
            ("state", "admin_area_level_1"),
            ("postal_code", "postal_code"),
            ("country", "country"),
        ):
            if own in address:
                place[name] = address[own]
        made["addresses"] = [place]
    for name, own in (("company_id", "org_id"), ("owner_id", "owner_id")):
        if own in record:
            made[name] = str(record[own]) if record[own] else record[own]
    made["tags"] = [str(label) for label in record.get("label_ids") or [] if label is not None]
    if context.get("company_domain"):
        made["url"] = f"https://{context['company_domain']}.pipedrive.com/person/{record['id']}"
    return made


def github_ticket(record: Record, context: Context) -> Record:
    """An issue of GitHub's REST API as a unified ticket."""
    number = str(record["number"])
    state = record["state"]
    made: Record = {
        "id": number,
        "number": number,
        "status": "closed" if state == "closed" else "open",
        "remote_status": record.get("state_reason") or state,
        "tags": [label if isinstance(label, str) else label["name"] for label in record.get("labels", ())],
        "assignee_ids": [person["login"] for person in record.get("assignees") or ()],
    }
    for name, own in (
        ("subject", "title"),
        ("description", "body"),
        ("comment_count", "comments"),
        ("closed_at", "closed_at"),
        ("created_at", "created_at"),
        ("updated_at", "updated_at"),
        ("url", "html_url"),
    ):
        if own in record:
            made[name] = record[own]
    for name, own, key in (
        ("type", "type", "name"),
        ("requester_id", "user", "login"),
        ("assignee_id", "assignee", "login"),
        ("channel", "performed_via_github_app", "name"),
        ("due_at", "milestone", "due_on"),
    ):
        thing = record.get(own)
        if thing is not None and key in thing:
            made[name] = thing[key]
    made["collection"] = record["repository_url"].split("/repos/", 1)[1]
    parent = record.get("parent_issue_url")
    made["parent_id"] = parent.rsplit("/", 1)[-1] if parent else None
    custom: Record = {"github_id": str(record["id"])}
    if record.get("milestone") is not None:
        custom["milestone"] = record["milestone"]["title"]
    for name in ("locked", "author_association"):
        if name in record:
            custom[name] = record[name]
    made["custom_fields"] = custom
    return made


MAPPINGS: dict[tuple[str, str], Callable[[Record, Context], Record]] = {
    ("hubspot", "crm.contacts.list"): hubspot_contact,
    ("pipedrive", "crm.contacts.list"): pipedrive_contact,
    ("github", "ticketing.tickets.list"): github_ticket,
}
