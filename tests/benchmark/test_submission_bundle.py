"""Hostile bundles: each is refused with one line that names the file and the rule."""

import io
import json
import pickle
import stat
import struct
import zipfile

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from benchmark.errors import UserError
from benchmark.submissions import archive
from benchmark.submissions.bundle import check_header, read_bundle, tensor
from tests.benchmark.submission_bundles import form, packed, tensor_file

FIRST, SECOND = "predictions/0-0.safetensors", "predictions/0-1.safetensors"
TEXT = form({"task": "mri", "version": 1, "preset": "tiny"}, {"0-0": "a" * 64, "0-1": "b" * 64}).encode()
FILES = {"entry.toml": TEXT, FIRST: tensor_file(torch.ones(3)), SECOND: tensor_file(torch.zeros(3))}


def refused(content, read=read_bundle):
    with pytest.raises(UserError) as caught:
        read(content)
    message = str(caught.value)
    assert message.startswith("bundle.zip")
    assert "\n" not in message
    assert all(sign.isprintable() for sign in message)
    return message


def estimates(content):
    bundle = read_bundle(content)
    return {key: bundle.estimate(key) for key in bundle.answers.observations}


def with_file(name, content=b"x", **about):
    """The sound bundle and one more file, whose entry in the directory is as `about` says."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    for field, value in about.items():
        setattr(info, field, value)
    return packed([*FILES.items(), (info, content)])


def test_a_sound_bundle_is_read():
    found = estimates(packed(FILES))
    assert torch.equal(found["0-0"], torch.ones(3))
    assert torch.equal(found["0-1"], torch.zeros(3))
    assert list(estimates(packed(FILES, zipfile.ZIP_STORED))) == ["0-0", "0-1"]
    assert list(estimates(packed([("predictions/", b""), *FILES.items()]))) == ["0-0", "0-1"]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("../entry.toml", "its name leads out of the bundle"),
        ("predictions/../../x.safetensors", "its name leads out of the bundle"),
        ("..\\x", "its name leads out of the bundle"),
        ("/etc/passwd", "its name is absolute"),
        ("C:/x", "its name is absolute"),
        ("C:x", "its name is absolute"),
        ("predictions/0-0.pt", "only entry.toml and predictions/SEED-INSTANCE.safetensors"),
        ("predictions/0-0.pkl", "only entry.toml and predictions/SEED-INSTANCE.safetensors"),
        ("predictions/00-0.safetensors", "only entry.toml and"),
        ("predictions/0-٣.safetensors", "only entry.toml and"),
        ("predictions/0-0.safetensors\n", "only entry.toml and"),
        ("Predictions/0-0.safetensors", "only entry.toml and"),
        ("predictions/more/", "only entry.toml and"),
        ("__MACOSX/entry.toml", "only entry.toml and"),
        ("sitecustomize.py", "only entry.toml and"),
        ("a\x1b[31m", "only entry.toml and"),
        ("a" * 5000, "only entry.toml and"),
    ],
)
def test_names_that_are_not_allowed(name, rule):
    assert rule in refused(with_file(name))


def test_a_name_with_an_end_in_it():
    content = packed([*FILES.items(), ("entry.tomlXpy", b"x")]).replace(b"entry.tomlXpy", b"entry.toml\x00py")
    assert "control character" in refused(content)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [(stat.S_IFLNK, "it is a link"), (stat.S_IFIFO, "it is no plain file"), (stat.S_IFCHR, "it is no plain file")],
)
def test_links_and_devices(kind, rule):
    assert rule in refused(with_file("predictions/0-2.safetensors", external_attr=(kind | 0o777) << 16))


def test_a_name_that_is_there_twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = packed([*FILES.items(), (FIRST, b"other")])
    assert f"bundle.zip, '{FIRST}': it is there twice" == refused(content)


def test_a_file_that_grows_too_much():
    content = packed({**FILES, FIRST: bytes(5_000_000)})
    assert len(content) < 10_000
    assert "it would grow more than 100-fold" in refused(content)


def test_files_that_are_too_large_together_or_alone(monkeypatch):
    content = packed(FILES)
    monkeypatch.setattr(archive, "MAX_TOTAL", 200)
    assert "200 are allowed" in refused(content)
    monkeypatch.setattr(archive, "MAX_MEMBER", 70)
    assert "70 are allowed" in refused(content)
    monkeypatch.setattr(archive, "MAX_BUNDLE", 500)
    assert "500 are allowed" in refused(content)


def directory_entry(content, name, field, value):
    """The bundle with another number in the directory's entry of a file: at 8 flags, 10 method, 20 and 24 sizes, 42 place."""
    at = content.rindex(name.encode()) - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    kind = "<H" if field in (8, 10) else "<I"
    return content[: at + field] + struct.pack(kind, value) + content[at + field + struct.calcsize(kind) :]


def test_a_directory_that_promises_less_than_there_is():
    """Only as many bytes are read as were promised, and they do not have the checksum of the whole."""
    content = directory_entry(packed({**FILES, FIRST: bytes(2_000_000)}), FIRST, 24, 100)
    assert "damaged" in refused(content, estimates)


def test_a_directory_that_promises_more_than_there_is():
    assert "damaged" in refused(directory_entry(packed(FILES), FIRST, 24, 500), estimates)


def test_files_that_share_bytes():
    content = packed(FILES)
    first = content.index(b"PK\x03\x04", 10)
    assert "it lies upon another file" in refused(directory_entry(content, SECOND, 42, first))


def test_thousands_of_files():
    many = {f"predictions/0-{n}.safetensors": b"" for n in range(3000)}
    assert "1002 are allowed" in refused(packed({**FILES, **many}))


def test_a_directory_whose_length_is_hidden():
    """More entries than the end of the file says: the reader would load them all."""
    content = packed({f"predictions/0-{n}.safetensors": b"" for n in range(10_000)})
    assert "1002 are allowed" in refused(content[:-12] + struct.pack("<H", 3) + content[-10:])
    assert "of the 64-bit kind" in refused(content[:-42] + b"PK\x06\x07" + content[-38:])


def test_encrypted_and_strangely_packed_files():
    assert "it is encrypted" in refused(directory_entry(packed(FILES), FIRST, 8, 1))
    assert "in a way other than deflate" in refused(directory_entry(packed(FILES), FIRST, 10, zipfile.ZIP_BZIP2))
    assert "in a way other than deflate" in refused(packed(FILES, zipfile.ZIP_LZMA))


@pytest.mark.parametrize("kept", [0, 1, 30, 200, -23, -1])
def test_an_upload_that_was_cut_short(kept):
    assert "cut short" in refused(packed(FILES)[:kept])


def test_something_before_or_after_the_bundle():
    assert "is no zip file" in refused(b"#!/bin/sh\n" + packed(FILES))
    assert "something follows its end" in refused(packed(FILES) + b"more")


def test_one_changed_byte():
    content = bytearray(packed(FILES, zipfile.ZIP_STORED))
    content[content.index(FIRST.encode()) + len(FIRST) + 70] ^= 1
    assert "damaged" in refused(bytes(content), estimates)


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was read",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_never_read(protocol):
    trap = pickle.dumps(Trap(), protocol=protocol)
    assert "a pickle is never read" in refused(packed({**FILES, FIRST: trap}), estimates)


def test_what_torch_writes_is_never_read():
    buffer = io.BytesIO()
    torch.save({"estimate": Trap()}, buffer)
    assert "a pickle is never read" in refused(packed({**FILES, FIRST: buffer.getvalue()}), estimates)


def header(**about):
    text = json.dumps({"estimate": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12], **about}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(12)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "no file of safetensors"),
        (b"{}", "no file of safetensors"),
        (header()[:30], "cut short"),
        (header()[:-1], "its shape and its size do not agree"),
        (struct.pack("<Q", 2**63) + b"{}", "cut short"),
        (struct.pack("<Q", 100_000) + b"{" + b" " * 200_000, "cut short"),
        (struct.pack("<Q", 2000) + b'{"a":' * 400, "is damaged"),
        (struct.pack("<Q", 2) + b"{}", "it holds no tensor, not the one tensor 'estimate'"),
        (save({"x": torch.ones(1)}), "it holds 'x', not the one tensor"),
        (save({"estimate": torch.ones(1), "more": torch.ones(1)}), "not the one tensor"),
        (header(shape=[4]), "its shape and its size do not agree"),
        (header(shape=[-3]), "its shape and its size do not agree"),
        (header(shape=[3.0]), "its shape and its size do not agree"),
        (header(shape=[True, 3]), "its shape and its size do not agree"),
        (header(shape=[10**30, 0], data_offsets=[0, 0]), "its shape and its size do not agree"),
        (header(shape="abc"), "its shape and its size do not agree"),
        (header(shape=None), "is damaged"),
        (header(data_offsets=[4, 12]), "its shape and its size do not agree"),
        (header(dtype="F8_E4M3"), "its type 'F8_E4M3' is not one of"),
        (header(dtype=["F32"]), "is not one of"),
        (header().replace(b'"shape"', b'"dtype"'), "is damaged"),
    ],
)
def test_files_that_are_no_predictions(content, rule):
    assert rule in refused(packed({**FILES, FIRST: content}, zipfile.ZIP_STORED), estimates)


def test_entries_that_are_missing_or_do_not_fit():
    without = {name: content for name, content in FILES.items() if name != "entry.toml"}
    assert "entry.toml is missing" in refused(packed(without))
    assert refused(packed({**FILES, "entry.toml": b"x"})).startswith("bundle.zip, entry.toml: it is no TOML")
    assert "[answers] is missing" in refused(packed({**FILES, "entry.toml": TEXT[: TEXT.index(b"[answers]")]}))
    assert f"{SECOND} is missing" in refused(packed({name: FILES[name] for name in ("entry.toml", FIRST)}))
    extra = packed({**FILES, "predictions/7-7.safetensors": FILES[FIRST]})
    assert "predictions/7-7.safetensors: entry.toml names no such instance" in refused(extra)


# --- whatever comes ---------------------------------------------------------------------------------------------------

SOUND = [packed(FILES), packed(FILES, zipfile.ZIP_STORED)]
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def outcome(read, *given):
    """What is read, or the refusal; anything else is a fault of the reader."""
    try:
        return read(*given)
    except UserError as error:
        return str(error)


def read_or_refuse(content):
    found = outcome(estimates, content)
    assert isinstance(found, dict) or (found.startswith("bundle.zip") and found.isprintable())


CHANGE = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255))  # where, and the new byte


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes(content):
    read_or_refuse(content)
    read_or_refuse(packed({"entry.toml": content, FIRST: content, SECOND: content}))


@QUICK
@given(
    st.sampled_from(SOUND), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)
)
def test_any_bytes_changed(content, changes):
    changed = bytearray(content)
    for place, value in changes:
        changed[int(place * len(changed))] = value
    read_or_refuse(bytes(changed))


@QUICK
@given(st.sampled_from(SOUND), st.floats(0, 1), st.floats(0, 1), st.binary(max_size=20))
def test_any_part_cut_out_or_replaced(content, start, end, other):
    a, b = sorted((int(start * len(content)), int(end * len(content))))
    read_or_refuse(content[:a] + other + content[b:])


@pytest.mark.filterwarnings("ignore:Duplicate name")
@QUICK
@given(st.lists(st.tuples(st.text(max_size=30), st.binary(max_size=30), st.integers(0, 2**32 - 1)), max_size=6))
def test_any_names_and_attributes(files):
    members = []
    for name, content, attributes in files:
        info = zipfile.ZipInfo("x")
        info.filename, info.external_attr = name.encode("utf-8", "replace").decode(), attributes
        members.append((info, content))
    try:
        made = packed([*FILES.items(), *members])
    except (UnicodeError, ValueError):
        return
    read_or_refuse(made)


NUMBERS = st.one_of(st.integers(-3, 20), st.integers(), st.booleans(), st.none(), st.floats(), st.text(max_size=3))


@QUICK
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.one_of(st.sampled_from(["F32", "BOOL", "F8_E5M2", "C64"]), NUMBERS),
            "shape": st.one_of(st.lists(NUMBERS, max_size=4), NUMBERS),
            "data_offsets": st.one_of(st.lists(NUMBERS, max_size=3), NUMBERS),
        },
    ),
    st.binary(max_size=40),
)
def test_any_header(about, numbers):
    text = json.dumps({"estimate": about}).encode()
    content = struct.pack("<Q", len(text)) + text + numbers
    found = outcome(tensor, content, "bundle.zip, x")
    if isinstance(found, str):
        assert found.isprintable()
    else:
        assert found.numel() * found.element_size() == len(numbers)
        assert check_header(content, "x")[1] == tuple(found.shape)
