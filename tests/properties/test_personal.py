"""Properties of pseudonyms in recordings: whoever the people are and wherever they stand, nobody is in the file, what
was equal still is, and the requests still find their answers."""

import base64
import html
import json
import tempfile
from pathlib import Path
from urllib.parse import quote, quote_plus

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conn_engine.personal import (
    PersonalValues,
    Pseudonyms,
    Replacements,
    collect,
    collect_recording,
    is_invented,
    replace_in_recording,
)
from conn_engine.personal.shapes import find_emails
from conn_engine.recordings.files import load_recording, save_recording
from conn_engine.recordings.record import Recorder
from conn_engine.recordings.replay import Replay
from conn_engine.schema_keywords import PERSONAL_KINDS
from conn_engine.secrets import Redactor
from conn_engine.transport.faults import Faults
from conn_engine.wire import Headers, Request, Response

words = st.text("abcdefghijklmnoprstuvwxyzäéñøßжя", min_size=5, max_size=12).filter(lambda word: word not in STRUCTURE)
names = st.lists(words.map(str.title), min_size=2, max_size=3).map(" ".join)
locals_ = st.text("abcdefghijklmnop0123456789.-_+", min_size=4, max_size=12)
mails = st.builds("{}@{}.{}".format, locals_, words, st.sampled_from(["com", "co.uk", "museum"])).filter(
    lambda mail: list(find_emails(mail)) == [(0, len(mail))]
)
phones = st.integers(10**8, 10**10 - 1).map(lambda number: f"+49 {str(number)[:3]} {str(number)[3:]}")
people = st.fixed_dictionaries({"full_name": names, "mail": mails, "phone": phones})
STRUCTURE = frozenset({"accept", "people", "title", "quote", "again"})

encodings = st.sampled_from(
    [
        lambda s: s,
        lambda s: f"see {s}, {s.upper()}",
        lambda s: quote(s, safe=""),
        lambda s: f"https://h.example/x?q={quote_plus(s)}&again={quote(s)}",
        json.dumps,
        lambda s: f"<script>person = {{name: {json.dumps(s)}}}</script>",
        lambda s: f"said {json.dumps(s)[1:-1]} to {json.dumps(s)}",
        lambda s: json.dumps({"inner": s}, ensure_ascii=False),
        lambda s: json.dumps(json.dumps([s])),
        lambda s: f"<p>{html.escape(s)} &amp; co</p>",
        lambda s: "".join(f"&#{ord(character)};" for character in s),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: base64.urlsafe_b64encode(json.dumps({"after": s}).encode()).decode().rstrip("="),
        lambda s: f"/people?cursor={quote(base64.b64encode(s.encode()).decode(), safe='')}",
    ]
)


@st.composite
def answers(draw):
    """People, and texts about them in any encoding; the same of them again in the request that follows."""
    found = draw(st.lists(people, min_size=1, max_size=4))
    said = st.builds(lambda one, field, write: write(one[field]), st.sampled_from(found), FIELDS, encodings)
    texts = draw(st.lists(said, min_size=1, max_size=5))
    return found, texts


FIELDS = st.sampled_from(["full_name", "mail", "phone"])


def recording_of(found, texts):
    body = {"items": [{"id": number, **one} for number, one in enumerate(found)], "texts": texts, "next": texts[0]}
    answer = Response(200, Headers({"content-type": "application/json"}), json.dumps(body).encode())
    url = f"https://api.example.com/people/{quote(found[0]['full_name'], safe='')}?next={quote_plus(texts[0])}"
    requests = [Request("GET", url, Headers()), Request("POST", url, Headers(JSON), json.dumps(texts).encode())]
    recorder = Recorder(Faults([answer, answer]))
    for request in requests:
        recorder.send(request)
    return recorder.to_recording(connector="c", operation="o", recorded_at="2026-01-01T00:00:00Z")


JSON = {"content-type": "application/json"}


UMLAUT = {"full_name": "Äaaaa Aaaaa", "mail": "00a0@aaaaa.com", "phone": "+49 100 000000"}
TATAR = {"full_name": "𐐀аааа Жаааа", "mail": "00a1@aaaaa.com", "phone": "+49 100 000001"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(answers(), st.binary(min_size=32, max_size=32))
@example(([UMLAUT], [json.dumps(UMLAUT["full_name"])]), bytes(32))
@example(([UMLAUT], [f"see {json.dumps(json.dumps(UMLAUT['full_name']))}"]), bytes(32))
@example(([TATAR], [f"<script>name = {json.dumps(TATAR['full_name'])}</script>"]), bytes(32))
def test_nobody_is_in_the_file_and_it_still_answers(made, key):
    found, texts = made
    recording = recording_of(found, texts)
    values = PersonalValues()
    collect_recording(recording, values)
    assert {one[field].lower() for one in found for field in ("full_name", "mail", "phone")} <= set(values.found)
    replacements = Replacements(values, Pseudonyms(key))
    replaced = replace_in_recording(recording, replacements)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "o.json"
        save_recording(path, replaced, Redactor())
        written, text = load_recording(path), path.read_text(encoding="utf-8")
    assert replace_in_recording(written, replacements) == written
    for one in found:
        for value in one.values():
            for spelled in (value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]):
                assert spelled.lower() not in text.lower()
            assert base64.b64encode(value.encode()).decode()[:-4] not in text
    _still_answers(replaced)
    _same_shape(recording.exchanges[0].response.body, replaced.exchanges[0].response.body)


def _still_answers(replaced):
    """What an answer says is what the next request has: a cursor, a name in the path."""
    body = replaced.exchanges[0].response.body
    name = quote(body["items"][0]["full_name"], safe="")
    url = f"https://api.example.com/people/{name}?next={quote_plus(body['next'])}"
    replay = Replay(replaced)
    replay.send(Request("GET", url, Headers()))
    replay.send(Request("POST", url, Headers(JSON), json.dumps(body["texts"]).encode()))
    assert replay.unused == ()


def _same_shape(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            _same_shape(one[name], other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            _same_shape(left, right)


@settings(max_examples=60)
@given(st.lists(st.tuples(FIELDS, st.one_of(names, mails, phones)), min_size=2, max_size=12))
def test_equal_values_stay_equal_and_others_stay_apart(rows):
    values = PersonalValues()
    kinds = {"full_name": "name", "mail": "email", "phone": "phone"}
    for kind, text in rows:
        values.add(kinds[kind], text)
    replacements = Replacements(values, Pseudonyms(b"k" * 32))
    texts = sorted({text for _, text in rows})
    made = {text: replacements.replace_text(text) for text in texts}
    for text in texts:
        assert made[text].lower() != text.lower()
        assert replacements.replace_text(text.upper()).lower() == made[text].lower()
        assert [other for other in texts if made[other].lower() == made[text].lower()] == [
            other for other in texts if other.casefold() == text.casefold()
        ]


shapes = st.one_of(
    mails,
    phones,
    names,
    st.sampled_from(["DE89 3704 0044 0532 0130 00", "gb82west12345698765432", "NL91ABNA0417164300", "ada@acme.c"]),
    st.from_regex(r"(\+[1-9]|00|0|)[1-9][0-9 ./-]{6,14}[0-9]", fullmatch=True),
    st.from_regex(r"(\([0-9]{3}\) ?|[0-9]{3}-)[0-9]{3}-[0-9]{4}( ext\. [0-9]{2})?", fullmatch=True),
    st.from_regex(r"[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){3,5}", fullmatch=True),
    st.text("0159+-() a.@", min_size=5, max_size=24),
)
texts_of_people = st.lists(shapes, min_size=1, max_size=3).map(" ".join) | shapes
KIND_OF_FIELD = {
    "full_name": "name",
    "contact": "email",
    "iban": "iban",
    "phone": "phone",
    "street": "address",
    "birth_date": "birth_date",
    "ssn": "government_id",
}


def _find_real(value):
    """What `conn check` would find: values that may belong to somebody."""
    values = PersonalValues()
    collect(value, values)
    return [(kind, text) for kind, text in values.found.values() if not is_invented(kind, text)]


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(PERSONAL_KINDS)), texts_of_people, st.binary(min_size=32, max_size=32), st.integers(0, 63)
)
@example("phone", "00999012", bytes(32), 0)
@example("name", "call (415) 123-4567", bytes(32), 0)
@example("bank", "DE89370400440532013000", bytes(32), 0)
@example("government_id", "415-123-4567", bytes(32), 0)
@example("name", "ada@acme.c", bytes(32), 0)
def test_no_pseudonym_may_belong_to_somebody(kind, text, key, attempt):
    replacement = Pseudonyms(key).replace(kind, text, attempt)
    assert _find_real({"phone" if kind == "phone" else "note": replacement}) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(KIND_OF_FIELD, texts_of_people)), min_size=1, max_size=2))
def test_records_with_pseudonyms_pass_the_check(records):
    values = PersonalValues()
    collect(records, values)
    for record in records:
        for name, kind in KIND_OF_FIELD.items():
            values.add(kind, record[name])
    replaced = Replacements(values, Pseudonyms(b"k" * 32)).replace_data(records)
    assert _find_real(replaced) == []
