"""Synonyms for the records and fields of common models. Names are compared without case and punctuation.

The first tuple has words that mean the same; the second has words that often mean something else.
"""

__all__ = ["COMMON_FIELDS", "CONTACT_PERSONS", "NOUNS", "PERSON_FIELDS", "QUALIFIERS", "SYNONYMS", "WRAPPERS"]

NOUNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "contact": (("person", "people"), ("customer", "lead", "individual")),
    "company": (("organization", "organisation"), ("account", "business", "firm", "client", "customer")),
    "deal": (("opportunity",), ("sale", "transaction")),
    "ticket": (("issue", "case"), ("conversation", "request", "incident", "task")),
    "user": (("agent", "teammate"), ("member", "owner", "admin", "employee")),
    "comment": (("reply",), ("note", "message", "story")),
    "employee": (("worker",), ("person", "user")),
    "product": (("item",), ("article",)),
    "invoice": ((), ("bill",)),
    "lead": (("prospect",), ()),
    "task": (("todo",), ("activity",)),
}
"""Other words for the records of models, and words that often mean something else."""

COMMON_FIELDS = frozenset({
    "created_at", "currency", "custom_fields", "deleted", "description", "id", "name", "owner_id", "parent_id",
    "remote_status", "status", "tags", "title", "type", "updated_at", "url",
})  # fmt: skip
"""Fields of records of any kind. A ledger's account has them, too."""

PERSON_FIELDS = frozenset({"first_name", "last_name"})
"""Fields of a model that only a person has."""

CONTACT_PERSONS = frozenset({
    "contact", "contactid", "contactname", "contactpeople", "contactperson", "contactpersons", "contacts",
    "maincontact", "primarycontact", "primarycontactid",
})  # fmt: skip
"""Names of a vendor's fields that only an organization has: who to talk to there."""

SYNONYMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "id": (("gid", "uuid", "guid"), ("key", "objectid", "recordid")),
    "first_name": (("givenname", "forename", "fname", "namefirst"), ("given",)),
    "last_name": (("familyname", "surname", "lname", "namelast"), ("family",)),
    "name": (("fullname", "displayname", "formattedname"), ("title", "label")),
    "title": (("jobtitle", "position", "positiontitle"), ("headline", "role")),
    "department": (("dept",), ()),
    "email": (("emailaddress", "mail", "primaryemail", "emailprimary"), ("workemail",)),
    "emails": (("emailaddresses",), ("email", "emailaddress", "mail")),
    "phone": (("phonenumber", "telephone", "telephonenumber", "tel", "primaryphone"), ("mobile", "mobilephone")),
    "phone_numbers": (("phones", "telephones"), ("phone", "phonenumber", "telephone", "mobile")),
    "addresses": ((), ("address", "postaladdress", "mailingaddress", "billingaddress", "locations", "location")),
    "street_1": (("street", "address1", "line1", "streetaddress", "addressline1", "street1"), ("address",)),
    "street_2": (("address2", "line2", "addressline2", "street2"), ()),
    "city": (("town", "locality"), ()),
    "state": (("province", "region", "statecode", "provincecode"), ("adminarealevel1",)),
    "postal_code": (("zip", "zipcode", "postcode", "postal"), ()),
    "country": (("countrycode", "countryname"), ()),
    "number": ((), ("key", "value", "phone", "phonenumber", "identifier")),
    "company_id": (("organizationid", "organisationid", "orgid"), ("accountid", "companyids")),
    "organization_id": (("organisationid", "orgid", "companyid"), ("accountid",)),
    "company_name": (("organizationname", "organisationname", "orgname", "employer"), ("company", "organization")),
    "contact_ids": (("personids", "contactids"), ("contacts", "people")),
    "owner_id": (("responsibleid", "responsibleuserid", "ownerid"), ("userid", "assigneeid", "assignedto", "owner")),
    "parent_id": (("parentid",), ("parent",)),
    "tags": (("labels", "taglist"), ("tag", "labelids", "tagids", "categories")),
    "created_at": (
        ("created", "createddate", "createdate", "createdtime", "createtime", "createdon", "creationdate", "addtime",
         "datecreated", "dateadded", "insertedat", "creationtime", "timecreated"), ()),
    "updated_at": (
        ("updated", "modified", "modifiedat", "modifieddate", "modifiedtime", "modifiedon", "updateddate", "updatetime",
         "updatedtime", "updatedon", "lastmodified", "lastmodifieddate", "lastmodifiedtime", "lastmodifiedat",
         "lastupdated", "lastupdatedat", "datemodified", "dateupdated", "changedat"), ()),
    "deleted": (("isdeleted", "archived", "isarchived", "trashed"), ()),
    "url": (("htmlurl", "weburl", "permalink", "permalinkurl", "publicurl", "weblink"), ("link", "href")),
    "website": (("websiteurl", "homepage", "homepageurl", "webaddress"), ("url", "site")),
    "domain": (("domainname", "primarydomain"), ("domains",)),
    "industry": (("sector",), ()),
    "employee_count": (("numberofemployees", "employees", "headcount", "numemployees"), ("size", "peoplecount")),
    "annual_revenue": (("revenue", "yearlyrevenue"), ()),
    "amount": (("dealvalue", "dealamount", "opportunityamount"), ("value", "price", "total", "worth")),
    "currency": (("currencycode", "currencyisocode"), ()),
    "pipeline": (("pipelineid", "pipelinename"), ()),
    "stage": (("stageid", "stagename", "dealstage"), ("phase",)),
    "close_date": (("expectedclosedate", "closingdate", "closedon", "expectedclosingdate"), ("closetime", "closedat")),
    "probability": (("winprobability", "closeprobability"), ()),
    "lead_source": (("sourceoflead",), ("source", "origin")),
    "lifecycle_stage": (("lifecycle",), ()),
    "subject": (("summary", "headline"), ("title", "name", "topic")),
    "description": (("desc",), ("body", "content", "details", "text", "notes")),
    "status": (("statusname",), ("state",)),
    "remote_status": (("statusname",), ("status", "state")),
    "priority": (("prioritylevel",), ("urgency", "severity")),
    "type": (("kind",), ("category", "label")),
    "requester_id": (("reporterid",), ("authorid", "creatorid", "submitterid", "customerid", "createdbyid")),
    "assignee_id": (("assignedtoid", "adminassigneeid"), ("ownerid", "agentid", "assignedto")),
    "assignee_ids": ((), ("assignees",)),
    "group_id": (("teamid", "teamassigneeid"), ("departmentid",)),
    "collection": ((), ("project", "projectid", "board", "boardid", "repository")),
    "channel": ((), ("source", "via", "origin")),
    "comment_count": (("commentscount", "numcomments", "numberofcomments"), ("comments",)),
    "due_at": (("dueon", "duedate", "deadline", "dueby"), ()),
    "closed_at": (("resolvedat", "completedat", "resolutiondate", "closeddate", "solvedat"), ("closedon",)),
    "username": (("login", "handle", "loginname", "screenname", "nickname"), ()),
    "role": ((), ("roles", "usertype", "accounttype")),
    "is_active": (("active", "enabled", "isenabled"), ()),
    "time_zone": (("timezone", "tz", "timezonename"), ()),
    "locale": (("language", "lang", "languagecode"), ()),
    "avatar_url": (("avatar", "photourl", "imageurl", "pictureurl", "profileimageurl"), ("photo", "picture", "image")),
    "body": (("plainbody", "bodytext", "plaintext"), ("text", "content", "message", "comment")),
    "html_body": (("bodyhtml", "contenthtml", "htmltext", "renderedbody"), ("html",)),
    "is_public": (("public",), ()),
    "author_id": ((), ("userid", "creatorid", "senderid", "createdbyid")),
    "author_name": ((), ("username", "creatorname", "createdbyname")),
    "ticket_id": (("issueid", "caseid"), ("conversationid",)),
    "attachments": (("files",), ()),
    "content_type": (("mimetype", "contenttype"), ()),
    "size": (("filesize", "bytes"), ()),
    "custom_fields": (
        ("customattributes", "customproperties", "additionalfields", "userdefinedfields"),
        ("properties", "extrafields")),
}  # fmt: skip
"""Other names for the fields of models, and names that often mean something else."""

QUALIFIERS = frozenset({"primary", "default", "main", "current", "preferred", "is", "the"})
"""Words that do not change what a field is."""

WRAPPERS = frozenset({"attributes", "properties", "fields", "data", "profile", "info", "values"})
"""Objects that only group a record's fields."""
