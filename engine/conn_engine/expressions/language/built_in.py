"""JSONata's own functions, except those that Conn replaces, each with an example without input."""

from typing import Any, Final

from conn_engine.expressions.language.entries import LanguageEntry

__all__ = ["BUILT_IN_ENTRIES"]

Row = tuple[str, str, str, str, Any]

# fmt: off
_TEXT: Final[tuple[Row, ...]] = (
    ("string(value?, prettify?)", "text", "Write any value as text; objects and lists become JSON.",
     "$string({'a': 1})", '{"a":1}'),
    ("length(text?)", "number", "Count the characters of a text.", "$length('Grace')", 5),
    ("substring(text, start, length?)", "text",
     "Take a part of a text; positions start at 0, and a negative start counts from the end.",
     "$substring('2026-11-27', 0, 4)", "2026"),
    ("substringBefore(text, separator)", "text",
     "Take what comes before the first separator, or all of it without a separator.",
     "$substringBefore('ann@example.com', '@')", "ann"),
    ("substringAfter(text, separator)", "text",
     "Take what comes after the first separator, or all of it without a separator.",
     "$substringAfter('ann@example.com', '@')", "example.com"),
    ("uppercase(text?)", "text", "Write a text in capital letters. Null is an error.", "$uppercase('open')", "OPEN"),
    ("lowercase(text?)", "text", "Write a text in small letters. Null is an error.", "$lowercase('Ann@Example.com')",
     "ann@example.com"),
    ("trim(text?)", "text", "Remove space at both ends, and write every run of white space as one space.",
     "$trim('  Ann   Lee ')", "Ann Lee"),
    ("pad(text, width, fill?)", "text",
     "Fill a text up to a width: on the right for a positive width, on the left for a negative one.",
     "$pad('42', -5, '0')", "00042"),
    ("contains(text, pattern)", "boolean",
     "Test whether a text contains another text or matches a regular expression.", "$contains('invoice-7', /[0-9]$/)",
     True),
    ("split(text, separator, limit?)", "list", "Split a text at a separator or regular expression.",
     "$split('a, b,c', /, */)", ["a", "b", "c"]),
    ("join(list, separator?)", "text", "Join a list of texts into one text. An item that is not text is an error.",
     "$join(['Ann', 'Lee'], ' ')", "Ann Lee"),
    ("match(text, pattern, limit?)", "list",
     "Find the matches of a regular expression, each with `match`, `index` and `groups`.",
     "$match('order 17', /order ([0-9]+)/).groups[0]", "17"),
    ("replace(text, pattern, replacement, limit?)", "text",
     "Replace a text or the matches of a regular expression; `$1` in the replacement is the first group.",
     "$replace('+1 (555) 010', /[^0-9+]/, '')", "+1555010"),
    ("encodeUrlComponent(text?)", "text", "Escape a text for one part of a URL, such as the value of a parameter.",
     "$encodeUrlComponent('a b&c')", "a%20b%26c"),
    ("encodeUrl(text?)", "text", "Escape what a complete URL cannot contain, and keep `/`, `?` and `&`.",
     "$encodeUrl('https://example.com/a b?c=d')", "https://example.com/a%20b?c=d"),
    ("decodeUrlComponent(text?)", "text", "Undo the escapes of one part of a URL.",
     "$decodeUrlComponent('a%20b%26c')", "a b&c"),
    ("decodeUrl(text?)", "text", "Undo the escapes of a complete URL; an escaped `/` or `?` stays escaped.",
     "$decodeUrl('https://example.com/a%20b')", "https://example.com/a b"),
)
_NUMBERS: Final[tuple[Row, ...]] = (
    ("number(value?)", "number", "Convert text or a boolean to a number. Text that is not a number is an error.",
     "$number('12.50')", 12.5),
    ("abs(number?)", "number", "Remove the sign of a number.", "$abs(-3)", 3),
    ("floor(number?)", "number", "Round down to a whole number.", "$floor(2.9)", 2),
    ("ceil(number?)", "number", "Round up to a whole number.", "$ceil(2.1)", 3),
    ("round(number, digits?)", "number", "Round to a number of digits; a half goes to the even neighbor.",
     "$round(2.345, 1)", 2.3),
    ("power(base, exponent)", "number", "Raise a number to a power.", "$power(2, 10)", 1024),
    ("sqrt(number?)", "number", "Take the square root of a number.", "$sqrt(81)", 9),
    ("random()", "number", "Return a random number of at least 0 and below 1.", "$random() < 1", True),
    ("formatNumber(number, picture, options?)", "text", "Write a number as a picture such as `#,##0.00` shows.",
     "$formatNumber(1234.5, '#,##0.00')", "1,234.50"),
    ("formatBase(number, base?)", "text", "Write a whole number in another base, from 2 to 36.",
     "$formatBase(255, 16)", "ff"),
    ("formatInteger(number, picture)", "text", "Write a whole number as digits, words, letters or Roman numerals.",
     "$formatInteger(7, '000')", "007"),
    ("parseInteger(text, picture)", "number", "Read a whole number that is written as a picture shows.",
     "$parseInteger('1,200', '#,##0')", 1200),
    ("sum(numbers)", "number", "Add the numbers of a list.", "$sum([1, 2, 3.5])", 6.5),
    ("max(numbers)", "number", "Return the largest number of a list.", "$max([3, 9, 4])", 9),
    ("min(numbers)", "number", "Return the smallest number of a list.", "$min([3, 9, 4])", 3),
    ("average(numbers)", "number", "Return the mean of a list of numbers.", "$average([1, 2, 6])", 3),
)
_CONDITIONS: Final[tuple[Row, ...]] = (
    ("boolean(value?)", "boolean", "Convert a value to true or false: 0, empty text, null, {} and [] are false.",
     "$boolean('')", False),
    ("not(value?)", "boolean", "Return true for a value that counts as false, and false for any other.",
     "$not(false)", True),
    ("exists(value)", "boolean", "Test whether a value is there; null is, a missing field is not.",
     "$exists({'a': null}.a)", True),
    ("type(value?)", "text", "Name the type of a value: null, number, string, boolean, array, object or function.",
     "$type([1])", "array"),
    ("assert(condition, message?)", "nothing", "Fail with a message unless a condition is true.",
     "($assert(5 > 0, 'the total must be positive'); 5)", 5),
    ("error(message?)", "nothing", "Fail with a message.", "true ? 'fine' : $error('the record has no ID')", "fine"),
)
_LISTS: Final[tuple[Row, ...]] = (
    ("count(list)", "number", "Count the items of a list; a missing value has 0, a single value 1.",
     "$count(['a', 'b'])", 2),
    ("append(list, list)", "list", "Join two lists; a single value is treated as a list of one.",
     "$append([1, 2], 3)", [1, 2, 3]),
    ("sort(list, isAfter?)", "list", "Sort a list; the function returns true if its first argument comes later.",
     "$sort([3, 1, 2], function($a, $b) { $a < $b })", [3, 2, 1]),
    ("reverse(list)", "list", "Return the items from last to first.", "$reverse([1, 2, 3])", [3, 2, 1]),
    ("shuffle(list)", "list", "Return the items in random order.", "$count($shuffle([1, 2, 3]))", 3),
    ("distinct(list)", "list", "Leave out the items that occurred before.", "$distinct(['a', 'b', 'a'])", ["a", "b"]),
    ("zip(list, list, …)", "list", "Combine lists: the first items, then the second items, and so on.",
     "$zip(['a', 'b'], [1, 2])", [["a", 1], ["b", 2]]),
    ("map(list, function)", "list", "Apply a function (item, index, list) to each item.",
     "$map(['a', 'b'], $uppercase)", ["A", "B"]),
    ("filter(list, function)", "list", "Keep the items for which a function (item, index, list) returns true.",
     "$filter([1, 5, 9], function($n) { $n > 3 })", [5, 9]),
    ("single(list, function?)", "value",
     "Return the one item for which a function returns true. No such item, or several, are an error.",
     "$single([1, 5], function($n) { $n > 3 })", 5),
    ("reduce(list, function, start?)", "value", "Combine all items into one value with a function (result, item).",
     "$reduce([1, 2, 3], function($result, $n) { $result * $n })", 6),
)
_OBJECTS: Final[tuple[Row, ...]] = (
    ("keys(object)", "list", "List the keys of an object, or of all objects of a list.", "$keys({'a': 1, 'b': 2})",
     ["a", "b"]),
    ("lookup(object, key)", "value", "Read the field with a computed name from an object, or from each of a list.",
     "$lookup({'1': 'open', '2': 'closed'}, '2')", "closed"),
    ("merge(objects)", "object", "Join the objects of a list; a later one wins.",
     "$merge([{'a': 1}, {'a': 2, 'b': 3}])", {"a": 2, "b": 3}),
    ("spread(object)", "list", "Split an object into objects with one key each.", "$spread({'a': 1, 'b': 2})",
     [{"a": 1}, {"b": 2}]),
    ("each(object, function)", "list", "Apply a function (value, key) to each field of an object.",
     "$each({'a': 1, 'b': 2}, function($value, $key) { $key & '=' & $value })", ["a=1", "b=2"]),
    ("sift(object, function)", "object", "Keep the fields for which a function (value, key) returns true.",
     "$sift({'a': 1, 'b': null}, function($value) { $value != null })", {"a": 1}),
    ("clone(object)", "object", "Return a copy of a value.", "$clone({'a': 1})", {"a": 1}),
)
_DATES: Final[tuple[Row, ...]] = (
    ("now(picture?, timezone?)", "text",
     "Return the time of the evaluation in UTC, in ISO 8601 or as a picture shows. A replay gets the recorded time.",
     "$length($now())", 24),
    ("millis()", "number", "Return the time of the evaluation in milliseconds since 1970.", "$type($millis())",
     "number"),
    ("toMillis(text, picture?)", "number", "Read a time in ISO 8601, or written as a picture shows, as milliseconds.",
     "$toMillis('2026-11-27T00:00:00Z')", 1795737600000),
    ("fromMillis(milliseconds, picture?, timezone?)", "text",
     "Write milliseconds in ISO 8601, or as a picture shows.", "$fromMillis(1795737600000, '[Y0001]-[M01]-[D01]')",
     "2026-11-27"),
)
# fmt: on

BUILT_IN_ENTRIES: Final[tuple[LanguageEntry, ...]] = tuple(
    LanguageEntry("function", f"${form.partition('(')[0]}", f"${form} → {result}", doc, example, expected)
    for form, result, doc, example, expected in (*_TEXT, *_NUMBERS, *_CONDITIONS, *_LISTS, *_OBJECTS, *_DATES)
)
"""In the order of the list that `conn explain functions` prints."""
