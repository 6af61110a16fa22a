"""Submissions in the database: how they are taken in, and what becomes of them. The command line and the web page call this.

    received   it is kept; code waits for a maintainer          checked      what it holds obeys every rule
    scored     predictions that were scored here                reproduced   code that was run here
    refused    `reason` says why; nothing else of it is kept    withdrawn    its results are gone

`receive_predictions` and `receive_code` run nothing of what they are given, and write nothing of it but the refusal where a
rule is broken. Pictures, scores and the row of what was scored are written all at once, at the end.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.datasets.sources import fingerprint, read_by
from benchmark.errors import UserError
from benchmark.store import draws, exchange
from benchmark.store.lines import PREDICTIONS
from benchmark.store.models import Run, Submission, now
from benchmark.store.writing import files_first, persist
from benchmark.submissions import likeness, naming, private, rows, scoring, tokens
from benchmark.submissions.bundle import read_bundle
from benchmark.submissions.entry import Entry
from benchmark.submissions.package import Package
from benchmark.submissions.scoring import Scored
from benchmark.submissions.text import shown

STATES = ("received", "checked", "scored", "reproduced", "refused", "withdrawn")
RULE = (
    "Which row of a method is shown: of its results with the same hyperparameters those of one source stand, which is the code "
    "that is here now, else that of the most trusted results (reproduced, then scored, then self-reported), of equals the "
    "newest; so a later submission replaces an earlier one of the same method. The others are counted beneath the table."
)
_REASON = 300  # characters


def find(session: Session, number: int) -> Submission:
    """The submission with this number. Raises UserError where there is none."""
    found = session.get(Submission, number) if number < 2**31 else None  # more than a database counts
    if found is None:
        newest = session.scalars(select(Submission.id).order_by(Submission.id.desc()).limit(3)).all()
        raise UserError(f"no submission {number}; newest: {', '.join(map(str, newest)) or 'none'}")
    return found


def listed(session: Session, state: str | None = None) -> Sequence[Submission]:
    """All submissions, or those in a state, the newest first."""
    wanted = select(Submission).order_by(Submission.id.desc())
    return session.scalars(wanted if state is None else wanted.where(Submission.state == state)).all()


def runs_of(session: Session, submission: Submission) -> Sequence[Run]:
    """The runs that a submission brought, by seed."""
    return session.scalars(select(Run).where(Run.submission_id == submission.id).order_by(Run.seed)).all()


def public(submission: Submission) -> dict[str, str]:
    """What everybody may see of a submission, as texts; the contact is not among it. A page has to escape them."""
    seconds = submission.seconds
    near = [f"{one['method']} (r = {one['ratio']:g})" for one in submission.near.get("methods", ())]
    if right := submission.near.get("truth"):
        near.insert(0, f"the truth ({right})")
    return {
        "submission": str(submission.id),
        "kind": submission.kind,
        "method": submission.method,
        "authors": submission.author,
        "task": submission.task and f"{submission.task}/{submission.preset}, seeds: {submission.seeds}",
        "state": submission.state,
        "reason": submission.reason,
        "near": ", ".join(near),
        "link": submission.link or "",
        "licence": submission.licence or "",
        "description": submission.description or "",
        "hardware": submission.hardware or "",
        "seconds told": "" if seconds is None else f"{seconds:g}",
        "digest": submission.digest,
        "received": f"{submission.received:%Y-%m-%d %H:%M:%S} UTC",
        "changed": f"{submission.changed:%Y-%m-%d %H:%M:%S} UTC",
    }


# --- states -----------------------------------------------------------------------------------------------------------


def _enter(session: Session, digest: str, kind: str, facts: dict[str, Any]) -> Submission:
    """The row with this digest, new, or anew where it was refused or withdrawn."""
    return persist(session, lambda: _entered(session, digest, kind, facts))


def _entered(session: Session, digest: str, kind: str, facts: dict[str, Any]) -> Submission:
    row = session.scalar(select(Submission).where(Submission.digest == digest))
    if row is None:
        row = Submission(digest=digest, kind=kind, state="received")
        session.add(row)
    for name, value in {"reason": "", "near": {}, "state": "received", **facts}.items():
        setattr(row, name, value)
    row.received = row.changed = now()
    return row


def move(session: Session, submission: Submission, state: str, reason: str = "") -> Submission:
    """Put a submission into a state, with the reason."""

    def work() -> None:
        submission.state, submission.reason, submission.changed = state, reason, now()

    persist(session, work)
    return submission


def refuse(session: Session, submission: Submission, reason: str) -> Submission:
    """Refuse a submission, with the reason on one line; results that it brought are taken back."""
    line = shown(" ".join(reason.split()), _REASON)[1:-1]

    def work() -> None:
        session.execute(delete(Run).where(Run.submission_id == submission.id))
        submission.state, submission.reason, submission.changed, submission.near = "refused", line, now(), {}

    persist(session, work)
    return submission


def withdraw(session: Session, number: int, reason: str = "", proof: str | None = None) -> Submission:
    """Take back a submission: its results go, its row says so. proof: its token, or the contact of one without a token, by
    which whoever asks shows that it is theirs; None for a maintainer.

    Raises UserError for a submission that does not exist, is withdrawn already, or is another's.
    """
    submission = find(session, number)
    if proof is not None and not tokens.belongs(submission, proof):
        what = "token" if submission.token else "contact"
        raise UserError(f"submission {number} has another {what}; its submitter or a maintainer can withdraw it")
    if submission.state in ("withdrawn", "refused"):
        raise UserError(f"submission {number} is {submission.state}; there is nothing to withdraw")

    def work() -> None:
        session.execute(delete(Run).where(Run.submission_id == submission.id))
        submission.state, submission.reason, submission.changed = "withdrawn", shown(reason, _REASON)[1:-1], now()

    persist(session, work)
    return submission


# --- predictions ------------------------------------------------------------------------------------------------------


def receive_predictions(
    session: Session,
    content: bytes,
    folder: Path,
    name: str = "bundle.zip",
    data_dir: Path | None = None,
    token: str = "",
    seed_file: Path | None = None,
    on_instance: Callable[[int, int], None] = lambda done, total: None,
) -> Submission:
    """Check, score and store a bundle: its submission is `scored`, or `refused` with the reason; a bad one raises nothing.
    Raises UserError for a bundle that somebody else handed in and took back, and for one that answers inputs of a private seed
    where the board has none or it cannot be read.

    folder: that of the database, for the pictures; name: of the file, for messages; on_instance: told how many instances of how
    many are scored; token: the secret of who hands it in (tokens.py), without which the contact tells who that was;
    seed_file: holds the board's private seed (private.py). The same bundle again gives the same submission.
    """
    digest = sha256(content).hexdigest()
    known = session.scalar(select(Submission).where(Submission.digest == digest))
    if known is not None and known.state == "scored":
        return known
    _check_own(known, token)
    facts: dict[str, Any] = {}
    try:
        bundle = read_bundle(content, shown(Path(name).name)[1:-1])
        entry, answers = bundle.entry, bundle.answers
        board = draws.board_name(answers.preset, answers.private or "")
        about = {"task": answers.task, "version": answers.version, "preset": board, "seeds": len(answers.seeds)}
        facts = _facts(entry) | about
        naming.check_name(session, entry.method, entry.contact, token, code=False)
        spec = scoring.check_answers(bundle)
        data = fingerprint(read_by(spec.presets[answers.preset]), data_dir)
        secret = None
        if answers.private:
            secret = private.read(seed_file)
            private.check(secret, answers.private, f"{bundle.archive.name}, entry.toml")
    except private.NoSecretError:
        raise
    except UserError as error:
        return refuse(session, _enter(session, digest, PREDICTIONS, facts), str(error))
    facts["token"] = tokens.hashed(token)
    results: list[Scored] = []
    try:
        for one in scoring.score(bundle, data_dir, secret):
            results.append(one)
            on_instance(len(results), len(answers.observations))
    except UserError as error:
        return refuse(session, _enter(session, digest, PREDICTIONS, facts), str(error))
    from benchmark.submissions import nearness

    contents = [rows.pictures_of(one, hide=secret is not None) for one in results]
    truths = {(one.seed, one.number, kind): picture for one in results for kind, picture in one.pictures.items()}
    files = {folder / exchange.artifact_path(digest): content for one in contents for digest, content in one.values()}

    def work() -> Submission:
        row = _entered(session, digest, PREDICTIONS, {**facts, "state": "scored"})
        session.flush()
        digests = [{kind: digest for kind, (digest, _) in one.items()} for one in contents]
        runs = rows.add_runs(session, row, spec, entry, data, results, digests)
        row.near = {"methods": likeness.near(session, folder, runs, truths)}
        if right := nearness.perfect([one.primary for one in results], sum(one.asked for one in results)):
            row.near = {**row.near, "truth": right}
        return row

    with files_first(files):
        return persist(session, work)


def _check_own(known: Submission | None, token: str) -> None:
    """Raises UserError where the same was handed in and taken back by somebody else: their row is not to be changed."""
    if known is not None and known.state != "refused" and known.token and not tokens.belongs(known, token):
        raise UserError(f"the same is submission {known.id}; show its token to hand it in again")


def _facts(entry: Entry) -> dict[str, Any]:
    same = ("method", "contact", "link", "licence", "description", "hardware", "seconds")
    return {"author": "; ".join(entry.authors), **{name: getattr(entry, name) for name in same}}


# --- code -------------------------------------------------------------------------------------------------------------

MAX_SOURCE = 256 * 1024  # bytes


def receive_code(
    session: Session,
    content: bytes,
    entry: Entry,
    *,
    task: str,
    preset: str,
    seeds: int,
    folder: Path,
    name: str = "code",
    token: str = "",
) -> Submission:
    """Keep the source of a method, without reading it as a program: its submission is `received`, or `refused` with the reason.

    folder: that of the database; token: as for predictions. A maintainer runs it (runners/review.py). The same source for the
    same runs again gives the same submission, which is received anew where it was refused or withdrawn.
    """
    digest = sha256(content).hexdigest()
    files = {source_file(folder, digest, entry.method): content}
    return _receive(session, digest, files, entry, (task, preset, seeds), shown(Path(name).name)[1:-1], token)


def receive_package(
    session: Session, package: Package, entry: Entry, *, task: str, preset: str, seeds: int, folder: Path, token: str = ""
) -> Submission:
    """The same for a method of an installed package: the files of the package that it imports are kept."""
    kept = package_folder(folder, package.digest, package.method)
    files = {kept / place: content for place, content in package.files.items()}
    return _receive(session, package.digest, files, entry, (task, preset, seeds), package.label, token, installed=True)


def _receive(
    session: Session,
    content: str,
    files: Mapping[Path, bytes],
    entry: Entry,
    where: tuple[str, str, int],
    name: str,
    token: str,
    *,
    installed: bool = False,
) -> Submission:
    task, preset, seeds = where
    digest = sha256("\n".join((content, entry.method, task, preset, str(seeds))).encode()).hexdigest()
    known = session.scalar(select(Submission).where(Submission.digest == digest))
    if known is not None and known.state in ("received", "checked", "reproduced"):
        return known
    _check_own(known, token)
    facts = _facts(entry) | {"task": task, "preset": preset, "seeds": seeds, "content": content}
    try:
        for path, text in files.items():
            _check_source(text, f"{name}, {path.name}" if installed else name, may_be_empty=installed)
        facts["version"] = _check_where(task, preset, seeds)
        naming.check_name(session, entry.method, entry.contact, token, code=True, installed=installed)
    except UserError as error:
        facts |= {"task": shown(task)[1:-1], "preset": shown(preset)[1:-1]}
        return refuse(session, _enter(session, digest, "code", facts), str(error))
    with files_first(files):
        return _enter(session, digest, "code", facts | {"token": tokens.hashed(token)})


def _check_source(content: bytes, name: str, *, may_be_empty: bool) -> None:
    if len(content) > MAX_SOURCE:
        raise UserError(f"{name}: it has {len(content):,} bytes; {MAX_SOURCE:,} are allowed")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{name}: it is no text in UTF-8") from None
    if "\0" in text or not (may_be_empty or text.strip()):
        raise UserError(f"{name}: it is no Python file")


def _check_where(task: str, preset: str, seeds: int) -> int:
    spec = registry.get_task(task).spec
    if preset not in spec.presets:
        raise UserError(f"{task} has no preset {shown(preset)}; it has {', '.join(spec.presets)}")
    if not 1 <= seeds <= 100:
        raise UserError(f"{seeds} seeds: 1 to 100 are allowed")
    return spec.version


def source_file(folder: Path, content: str, method: str) -> Path:
    """Where a source is kept: under its hash, with a name that the submitter's words cannot change."""
    return folder / "submissions" / content / f"{method}.py"


def package_folder(folder: Path, content: str, method: str) -> Path:
    """Where the files of an installed package are kept, each at its place in the package."""
    return folder / "submissions" / content / method


def link_runs(session: Session, submission: Submission, runs: Sequence[Run], folder: Path) -> Submission:
    """The runs of a code submission are made: it is `reproduced`, and compared with the predictions of other methods."""

    def work() -> None:
        session.execute(update(Run).where(Run.id.in_([run.id for run in runs])).values(submission_id=submission.id))
        submission.near = {"methods": likeness.near(session, folder, runs)}
        submission.state, submission.reason, submission.changed = "reproduced", "", now()

    persist(session, work)
    return submission
