"""Methods of installed packages, as something to hand in: small ones made in the test's own folder."""

import sys

import pytest

from benchmark import registry
from benchmark.errors import UserError
from benchmark.submissions import package, store
from benchmark.submissions.entry import made_entry
from tests.benchmark.submission_bundles import ENTRY
from tests.runners.installed import Installed


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder on the path into which packages are installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield Installed(folder)
    registry.include(())
    assert not {"somebodys", "somebodys.half", "alone"} & sys.modules.keys()  # nothing of it was imported


@pytest.mark.parametrize("name", ["half", "somebodys-methods", "Somebodys_Methods"])
def test_a_method_is_found_by_its_name_and_by_that_of_its_package(installed, name):
    installed.somebodys()
    found = package.find(name)
    assert (found.method, found.label, found.home) == ("half", "somebodys-methods 1.2", installed.folder)
    assert sorted(found.files) == ["somebodys/__init__.py", "somebodys/half.py", "somebodys/parts/__init__.py"]
    assert b"FACTOR = 0.5" in found.files["somebodys/parts/__init__.py"]


def test_the_digest_is_that_of_what_the_method_imports(installed):
    installed.somebodys()
    before = package.find("half").digest
    installed.write("somebodys/unused.py", "x = 1\n")
    assert package.find("half").digest == before
    installed.write("somebodys/parts/__init__.py", "FACTOR = 0.25\n")
    assert package.find("half").digest != before


def test_the_metadata_say_who_wrote_it_where_nobody_else_does(installed):
    installed.somebodys()
    entry = package.find("half").entry()
    assert entry.authors == ("Ada Example", "Bo")
    assert (entry.contact, entry.licence, entry.link) == ("ada@example.org", "MIT", "https://example.org/code")
    assert entry.description == "somebodys-methods 1.2: Half of everything"
    given = made_entry({**ENTRY, "method": "half", "licence": "Apache-2.0"})
    both = package.find("half").entry(given)
    assert (both.contact, both.licence, both.link) == (given.contact, "Apache-2.0", "https://example.org/code")
    with pytest.raises(UserError, match=r"entry\.toml names the method 'other'; somebodys-methods 1\.2 brings 'half'"):
        package.find("half").entry(made_entry({**ENTRY, "method": "other"}))


def test_metadata_of_older_tools_and_none(installed):
    text = (
        "Author: Ada\nAuthor-email: UNKNOWN\nLicense: long\n        text\nClassifier: License :: OSI Approved :: BSD License\n"
    )
    installed.somebodys(metadata=text.replace("long", "long" * 60))
    entry = package.find("half").entry()
    assert (entry.authors, entry.contact, entry.licence, entry.link) == (("Ada",), "not named", "BSD License", None)
    installed.somebodys(metadata="")
    assert package.find("half").entry().authors == ("not named",)


def test_metadata_that_break_a_rule_are_named(installed):
    installed.somebodys(metadata="Author: a\u202eb\n")
    with pytest.raises(UserError, match=r"the metadata of somebodys-methods 1.2 .*--entry FILE.*: 'authors.0': .*U\+202E"):
        package.find("half").entry()


def test_a_package_of_one_module_is_that_module_alone(installed):
    installed.somebodys()
    installed.distribution("alone-methods", {"alone": "alone"})
    installed.write("alone.py", 'import somebodys\n"""."""\n\n' + installed.method("alone"))
    assert sorted(package.find("alone").files) == ["alone.py"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "halv",
            "unknown file (my_method.py), method of an installed package, or installed package 'halv'; did you mean half?",
        ),
        ("somebodys-method", "did you mean somebodys-methods"),
        ("dip", "dip comes with the suite or an included file; there is nothing to hand in"),
        (
            "dist/somebodys_methods-1.2-py3-none-any.whl",
            "somebodys_methods-1.2-py3-none-any.whl: nothing is installed here; ins",
        ),
        ("somebodys_methods-1.2.tar.gz", "nothing is installed here; install it yourself with `python -m pip install`"),
        ("git+https://example.org/a", "nothing is installed here"),
        (".", "nothing is installed here"),
        ("two", "two brings several methods; name one of them: first, second"),
        ("broken", "broken brings no method that can be read: left out the plug-in nowhere: there is no such module"),
    ],
)
def test_names_that_are_none(installed, name, message):
    installed.somebodys()
    installed.distribution("two", {"a": "a_first", "b": "b_second"})
    installed.write("a_first.py", '"""."""\n\n' + installed.method("first"))
    installed.write("b_second.py", '"""."""\n\n' + installed.method("second"))
    installed.distribution("broken", {"x": "nowhere"})
    with pytest.raises(UserError) as caught:
        package.find(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_packages_that_are_too_large(installed, monkeypatch):
    installed.somebodys()
    monkeypatch.setattr(package, "MAX_FILES", 2)
    with pytest.raises(UserError, match=r"half imports 3 files of its package .*; 2 files"):
        package.find("half")
    monkeypatch.undo()


# --- handed in --------------------------------------------------------------------------------------------------------


def receive(session, folder, **given):
    found = package.find("half")
    how = {"task": "mri", "preset": "tiny", "seeds": 1, **given}
    return store.receive_package(session, found, found.entry(), folder=folder, **how)


def test_its_files_are_kept_under_their_hash(installed, session, tmp_path):
    installed.somebodys()
    row = receive(session, tmp_path)
    assert (row.state, row.kind, row.method, row.version) == ("received", "code", "half", 1)
    kept = store.package_folder(tmp_path, row.content, "half")
    assert (kept / "somebodys" / "parts" / "__init__.py").read_text() == "FACTOR = 0.5\n"
    assert (kept / "somebodys" / "__init__.py").read_text() == ""
    assert receive(session, tmp_path).id == row.id


@pytest.mark.parametrize(
    ("files", "given", "reason"),
    [
        (
            {"parts/__init__.py": "x = '" + "a" * 300_000 + "'\n"},
            {},
            "somebodys-methods 1.2, __init__.py: it has 300,007 bytes",
        ),
        ({}, {"task": "mry"}, "unknown task 'mry'; did you mean mri?"),
        ({}, {"seeds": 1000}, "1000 seeds: 1 to 100 are allowed"),
    ],
)
def test_a_package_that_breaks_a_rule_is_refused_and_not_kept(installed, session, tmp_path, files, given, reason):
    installed.somebodys()
    for name, text in files.items():
        installed.write(f"somebodys/{name}", text)
    row = receive(session, tmp_path, **given)
    assert row.state == "refused"
    assert reason in row.reason
    assert not (tmp_path / "submissions").exists()


def test_the_name_of_an_installed_method_is_its_package_s_alone(installed, session, tmp_path):
    installed.somebodys()
    entry = made_entry({**ENTRY, "method": "half"})
    row = store.receive_code(session, b"x = 1\n", entry, task="mri", preset="tiny", seeds=1, folder=tmp_path)
    assert "method name 'half': it is taken by a method of the suite or of an installed package" in row.reason
    receive(session, tmp_path)
    found = package.find("half")
    other = found.entry(made_entry({**ENTRY, "method": "half", "contact": "eve@example.org"}))
    row = store.receive_package(session, found, other, task="mri", preset="tiny", seeds=2, folder=tmp_path)
    assert "it is taken by a submission with another contact" in row.reason


def test_names_of_packages_that_imitate(installed, session, tmp_path):
    installed.somebodys()
    installed.write("somebodys/half.py", installed.method("d1p"))
    registry.include(())
    found = package.find("d1p")
    row = store.receive_package(session, found, found.entry(), task="mri", preset="tiny", seeds=1, folder=tmp_path)
    assert "method name 'd1p': it imitates 'dip'" in row.reason
