"""Cities, ratings and matrices: those that come with the suite, and every file that a user may bring."""

import numpy as np
import pytest
import torch

from benchmark.datasets import cities, matrices, ratings, sources
from benchmark.errors import UserError


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def write(folder, content, name="a.csv"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


# --- cities -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["test", "tuning"])
def test_cities_are_different_unit_vectors(split):
    x = cities.draw(400, split, draw())
    assert x.shape == (400, 3)
    assert x.dtype == torch.float64
    assert (x.norm(dim=-1) - 1).abs().max() < 1e-14
    assert len(x.unique(dim=0)) == 400
    assert torch.equal(x[:30], cities.draw(30, split, draw()))
    assert not torch.equal(x[:30], cities.draw(30, split, draw(1)))


def test_cities_for_tuning_are_never_tested():
    test, tuning = ({tuple(x) for x in cities.draw(400, split, draw()).tolist()} for split in ("test", "tuning"))
    assert len(test | tuning) == 800


def test_cities_are_where_they_are():
    with np.load(sources.SOURCES["cities"].path()) as file:
        names, degrees = file["name"].tolist(), file["degrees"]
    for name, latitude, longitude in (("Tokyo", 35.69, 139.69), ("Kinshasa", -4.33, 15.31), ("São Paulo", -23.55, -46.64)):
        assert degrees[names.index(name)] == pytest.approx((latitude, longitude), abs=0.1)
    largest = names.index("Shanghai")
    assert largest == 0
    x = cities.draw(400, "test", draw())
    latitude, longitude = np.deg2rad(degrees[largest])
    near = torch.tensor([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    assert (x - near).norm(dim=-1).min() < 1e-12


@pytest.mark.parametrize("split", ["test", "tuning"])
def test_more_cities_than_there_are_are_refused(split):
    with pytest.raises(ValueError, match=r"^n = 401, but there are 400 cities for each of tests and tuning$"):
        cities.draw(401, split, draw())


# --- ratings that come with a package -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count", "users", "items", "values"),
    [
        ("movielens", 100_004, 671, 9_066, np.arange(0.5, 5.1, 0.5)),
        ("inst_eval", 73_421, 2_972, 1_128, np.arange(1.0, 6.0)),
    ],
)
def test_packaged_ratings_are_whole(name, count, users, items, values):
    user, item, rating = ratings.packaged(name)
    assert user.shape == item.shape == rating.shape == (count,)
    assert (user.dtype, item.dtype, rating.dtype) == (np.int64, np.int64, np.float64)
    assert len(np.unique(user)) == users
    assert len(np.unique(item)) == items
    assert np.array_equal(np.unique(rating), values)
    assert len(np.unique(np.stack([user, item]), axis=1).T) == count  # nobody rates twice
    row = next(
        line
        for line in (sources.ASSETS.parent / "SOURCES.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{name}` |")
    )
    assert all(f"{number:,}" in row for number in (count, users, items))


# --- ratings of the user's own ------------------------------------------------------------------------------------------

LINES = [("u1", "i1", "4"), ("u2", "i1", "3.5"), ("u1", "i2", "-1e1")]


@pytest.mark.parametrize("separator", [",", "\t", ";", "::"])
@pytest.mark.parametrize("heading", ["", "user{0}item{0}rating", "a user{0}an item{0}stars{0}at"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ratings_are_read_with_every_separator_and_heading(tmp_path, separator, heading, end):
    lines = [heading.format(separator), *(separator.join((*line, "881250949", "x")) for line in LINES), "", "  "]
    user, item, rating = ratings.read(write(tmp_path, "\ufeff" + end.join(lines), "a.dat"))
    assert user.tolist() == [0, 1, 0]
    assert item.tolist() == [0, 0, 1]
    assert rating.tolist() == [4, 3.5, -10]
    assert (user.dtype, item.dtype, rating.dtype) == (np.int64, np.int64, np.float64)


def test_names_may_hold_the_separator_in_quotes_and_spaces_around(tmp_path):
    user, item, rating = ratings.read(write(tmp_path, '"Doe, J.", 7 , 3\nDoe,"7",2\n "x" ,8,1'))
    assert user.tolist() == [0, 1, 2]
    assert item.tolist() == [0, 0, 1]
    assert rating.tolist() == [3, 2, 1]


def test_one_line_is_a_file_and_blank_lines_count(tmp_path):
    assert [len(x) for x in ratings.read(write(tmp_path, "1,2,3"))] == [1, 1, 1]
    with pytest.raises(UserError, match=r"^a.csv, line 5: "):
        ratings.read(write(tmp_path, "\n\n1,2,3\n\n1,3,x\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2,3\n1,3\n", "a.csv, line 2: '1,3' is not user,item,rating"),
        ("1,2,3\n1,3,\n", "a.csv, line 2: '1,3,' is not user,item,rating"),
        ("1,2,3\n1,3,good\n", "a.csv, line 2: '1,3,good' is not user,item,rating"),
        ("1,2,3\n1;3;4\n", "a.csv, line 2: '1;3;4' is not user,item,rating"),
        ("1::2::3\n1::3\n", "a.csv, line 2: '1::3' is not user::item::rating"),
        ("u,i,r\n1,2,3\nu,i,r\n", "a.csv, line 3: 'u,i,r' is not user,item,rating"),
        ("u,i,r\nu,i,r\n1,2,3\n", "a.csv, line 2: 'u,i,r' is not user,item,rating"),
        ("1,2,3\n1,3," + 90 * "x", f"a.csv, line 2: '1,3,{36 * 'x'}' is not user,item,rating"),
        ("1,2,3\n" + 200_000 * "x", f"a.csv, line 2: '{40 * 'x'}' is not user,item,rating"),
        ("1,2,3\n1,3,nan\n", "a.csv, line 2: the rating nan is not a finite number"),
        ("1,2,inf\n", "a.csv, line 1: the rating inf is not a finite number"),
        ("1,2,1e999\n", "a.csv, line 1: the rating 1e999 is not a finite number"),
        ("1,2,3\n1,3,3\n\n1, 2,4\n", "a.csv, line 4: user 1 rated item 2 before; keep one of the lines"),
        ("", "a.csv has no ratings; write one user,item,rating a line"),
        ("\n \n", "a.csv has no ratings; write one user,item,rating a line"),
        ("user\titem\trating\n", "a.csv has no ratings; write one user\titem\trating a line"),
    ],
    ids=range(16),
)
def test_a_file_of_ratings_is_refused_with_its_line(tmp_path, content, message):
    file = write(tmp_path, content)
    for read in (ratings.read, ratings.check):
        with pytest.raises(UserError) as caught:
            read(file)
        assert str(caught.value) == message


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for file in (write(tmp_path, b"\xff\xfe\x00 1,2,3"), tmp_path / "folder.csv", tmp_path / "missing.csv"):
        with pytest.raises(UserError, match=rf"^{file.name} cannot be read as text \(.+\)$"):
            ratings.read(file)


# --- the most active users and most rated items -------------------------------------------------------------------------


def shuffled(rows):
    """Triples from (user, item, rating) in another order."""
    user, item, rating = (
        np.array(column)[np.random.default_rng(0).permutation(len(rows))] for column in zip(*rows, strict=True)
    )
    return user, item, rating


def steps():
    """Users 10, 11, ... 15 who rated the first 1, 2, ... 6 of the items 20, 21, ... 25."""
    return shuffled([(10 + u, 20 + i, u + i / 10) for u in range(6) for i in range(u + 1)])


def found(core):
    return set(zip(*(column.tolist() for column in core), strict=True))


def test_the_core_is_numbered_from_the_most_active_on():
    rows = shuffled([(7, 1, 0.1), (7, 2, 0.2), (7, 3, 0.3), (5, 1, 0.4), (5, 2, 0.5), (6, 1, 0.6), (9, 4, 0.7)])
    assert found(ratings.core(rows, 3, 3)) == {(0, 0, 0.1), (0, 1, 0.2), (0, 2, 0.3), (1, 0, 0.4), (1, 1, 0.5), (2, 0, 0.6)}


def test_equally_active_ones_are_taken_by_their_number():
    user, item = np.array([5, 5, 9, 9, 7, 7]), np.array([2, 1, 1, 2, 1, 2])
    rows, columns, rating = ratings.core((user, item, np.arange(6.0)), 2, 2)
    assert rows.tolist() == [0, 0, 1, 1]  # 5 and 7
    assert columns.tolist() == [1, 0, 0, 1]
    assert rating.tolist() == [0, 1, 4, 5]


def test_who_rated_much_that_nobody_else_did_is_not_in_the_core():
    rows = shuffled([(1, 100 + i, 9.0) for i in range(10)] + [(u, i, 1.0) for u in (2, 3, 4, 5) for i in (1, 2, 3)])
    assert found(ratings.core(rows, 4, 3)) == {(u, i, 1.0) for u in range(4) for i in range(3)}


@pytest.mark.parametrize("parity", [None, 0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_nobody_outside_the_core_is_more_active_in_it(seed, parity):
    random = np.random.default_rng(seed)
    user, item = np.unique(random.integers(0, [40, 30], (400, 2)) * random.integers(0, 2, (400, 2)), axis=0).T
    triples = (user, item, np.arange(len(user)) * 1.0)
    rows, columns, rating = ratings.core(triples, 8, 6, parity)
    chosen = rating.astype(int)
    users = [int(user[chosen][rows == k][0]) for k in range(8)]
    items = [int(item[chosen][columns == k][0]) for k in range(6)]
    order = sorted(set(user.tolist()), key=lambda u: (-(user == u).sum(), u))
    allowed = order if parity is None else order[parity::2]
    assert set(users) <= set(allowed)
    inside = np.isin(user, users) & np.isin(item, items)
    assert sorted(chosen) == np.flatnonzero(inside).tolist()
    assert users == sorted(allowed, key=lambda u: (-(np.isin(item, items) & (user == u)).sum(), u))[:8]
    assert items == sorted(set(item.tolist()), key=lambda i: (-(np.isin(user, users) & (item == i)).sum(), i))[:6]


def test_the_halves_share_no_user_and_alternate_in_activity():
    users = {parity: {int(r) for r in ratings.core(steps(), 3, 5, parity)[2]} for parity in (0, 1)}
    assert users == {0: {1, 3, 5}, 1: {0, 2, 4}}


@pytest.mark.parametrize(
    ("size", "parity", "message"),
    [
        ((7, 6), None, "7 users, but there are 6"),
        ((4, 5), 0, "4 users, but there are 3"),
        ((4, 5), 1, "4 users, but there are 3"),
        ((3, 7), 0, "7 items, but there are 6"),
        ((3, 6), 1, "6 items, but there are 5"),
    ],
)
def test_too_few_users_or_items_are_refused(size, parity, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ratings.core(steps(), *size, parity)


# --- matrices of the user's own -----------------------------------------------------------------------------------------

M = np.array([[2.0, -0.5, 0.25], [-0.5, 1.0, 0.0], [0.25, 0.0, 3.0]])


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int64, np.bool_])
def test_arrays_of_real_numbers_are_read(tmp_path, kind):
    np.save(tmp_path / "a.npy", M.astype(kind))
    found = matrices.read(tmp_path / "a.npy")
    assert found.dtype == np.float64
    assert np.array_equal(found, M.astype(kind).astype(np.float64))
    matrices.check(tmp_path / "a.npy")


@pytest.mark.parametrize("start", ["", "\ufeff", "# a remark\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_is_read(tmp_path, start, end):
    content = start + end.join(", ".join(map(repr, row)) for row in M.tolist()) + end
    assert np.array_equal(matrices.read(write(tmp_path, content)), M)
    assert matrices.read(write(tmp_path, "4", "B.CSV")).tolist() == [[4.0]]


def changed(i, j, value):
    other = M.copy()
    other[i, j] = value
    return other


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, 3)), "has shape (2, 3); a symmetric matrix has as many rows as columns"),
        (np.ones(4), "has shape (4,); a symmetric matrix"),
        (np.ones((2, 2, 2)), "has shape (2, 2, 2); a symmetric matrix"),
        (np.float64(3), "has shape (); a symmetric matrix"),
        (np.ones((0, 0)), "has shape (0, 0); a symmetric matrix"),
        (changed(1, 2, np.nan), ": entry (1, 2) is nan, not a finite number"),
        (changed(2, 0, -np.inf), ": entry (2, 0) is -inf, not a finite number"),
        (changed(2, 0, 0.75), " is not symmetric: entry (0, 2) is 0.25, entry (2, 0) 0.75"),
        (M.astype(object), " cannot be read as a matrix (Object arrays cannot be loaded"),
        (M.astype(str).astype("U3") + "x", " cannot be read as a matrix ("),
        (M + 1j * np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 0]]), " cannot be read as a matrix ("),
        (np.zeros(2, "i4,f8"), " cannot be read as a matrix ("),
    ],
    ids=range(12),
)
def test_an_array_that_is_no_symmetric_matrix_is_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    for read in (matrices.read, matrices.check):
        with pytest.raises(UserError) as caught:
            read(tmp_path / "a.npy")
        assert str(caught.value).startswith("a.npy")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04 no archive", b"1,2\n2,1\n", bytes(200)])
def test_bytes_that_are_no_array_are_refused_in_one_line(tmp_path, content):
    with pytest.raises(UserError, match=r"^a.npy cannot be read as a matrix \(.+\)$"):
        matrices.read(write(tmp_path, content, "a.npy"))


def test_an_archive_a_cut_file_a_folder_and_a_missing_one_are_refused(tmp_path):
    np.save(tmp_path / "whole.npy", M)
    write(tmp_path, (tmp_path / "whole.npy").read_bytes()[:-8], "cut.npy")
    np.savez(tmp_path / "several.npz", M)
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    (tmp_path / "folder.npy").mkdir()
    for name in ("cut.npy", "several.npy", "folder.npy", "missing.npy", "missing.csv"):
        with pytest.raises(UserError, match=rf"^{name} cannot be read as a matrix \(.+\)$"):
            matrices.read(tmp_path / name)


@pytest.mark.filterwarnings("ignore:loadtxt")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2\n3\n", "cannot be read as a matrix ("),
        ("1,x\nx,1\n", "cannot be read as a matrix ("),
        ("1;2\n2;1\n", "cannot be read as a matrix ("),
        (b"\xff1,2\n2,1\n", "cannot be read as a matrix ("),
        ("1,2,3\n", "has shape (1, 3)"),
        ("1,nan\nnan,1\n", "entry (0, 1) is nan"),
        ("1,2\n2.1,1\n", "is not symmetric: entry (0, 1) is 2, entry (1, 0) 2.1"),
        ("", "has shape (0, "),
    ],
    ids=range(8),
)
def test_text_that_is_no_symmetric_matrix_is_refused(tmp_path, content, message):
    file = write(tmp_path, content)
    with pytest.raises(UserError) as caught:
        matrices.read(file)
    assert str(caught.value).startswith("a.csv")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rounding_is_no_asymmetry_and_is_gone_after_reading(tmp_path):
    rounded = changed(0, 1, -0.5 + 1e-12)
    rounded[1, 2], rounded[2, 1] = 1e-13, -1e-13
    np.save(tmp_path / "a.npy", rounded)
    found = matrices.read(tmp_path / "a.npy")
    np.testing.assert_allclose(found, M, atol=2e-12)
    assert np.array_equal(found, found.T)


def test_the_users_files_are_found_and_enter_the_key(tmp_path):
    for name, content in (("ratings", "1,2,3\n"), ("matrices", "1,0\n0,1\n")):
        with pytest.raises(UserError, match=rf"^no {name}/\*\.\w+ in .*: put .* into DATA_DIR/{name}/$"):
            sources.fingerprint((name,), tmp_path)
        (tmp_path / name).mkdir()
        write(tmp_path / name, content, "B.CSV")
        before = sources.fingerprint((name,), tmp_path)
        assert before == sources.fingerprint((name,), tmp_path)
        write(tmp_path / name, content.replace("1", "2"), "B.CSV")
        assert sources.fingerprint((name,), tmp_path) != before
        write(tmp_path / name, "bad,\nbad,\n", "B.CSV")
        with pytest.raises(UserError, match=r"^B.CSV"):
            sources.fingerprint((name,), tmp_path)
