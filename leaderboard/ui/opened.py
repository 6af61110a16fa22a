"""The database that the pages show: what the user named, opened for reading."""

import argparse
import sys
from pathlib import Path
from typing import Any

import streamlit as st
from sqlalchemy import Engine, make_url

from benchmark.report import boards
from benchmark.store.database import location, open_database


def database_name() -> str:
    """What the user named: `-- --db PATH` after streamlit run, else LOWDIMBENCH_DB, else the default."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--db")
    return location(parser.parse_known_args(sys.argv[1:])[0].db)


def is_missing(name: str) -> bool:
    """Whether the database is a file that nobody has made yet."""
    return "://" not in name and not Path(name).exists()


def short_name(name: str) -> str:
    """The file's name without its folder, or the database of a URL without its password."""
    return str(make_url(name).database) if "://" in name else Path(name).name


def folder() -> Path | None:
    """Where kept files are looked for: beside the database's file; None for a database on a server."""
    name = database_name()
    return None if "://" in name else Path(name).resolve().parent


@st.cache_resource(max_entries=4, show_spinner=False)
def _engine(name: str, inode: int) -> Engine:
    return open_database(name, create=False, read_only=True)


def engine() -> Engine:
    """The open database; opened again where its file was replaced. Raises UserError."""
    name = database_name()
    return _engine(name, 0 if "://" in name else Path(name).stat().st_ino)


def version() -> tuple[Any, ...]:
    """The key of every cache: changes with the file, its write-ahead log, or what is in the tables."""
    name = database_name()
    files = [] if "://" in name else [Path(name), Path(f"{name}-wal")]
    stamps = tuple(p.stat().st_mtime_ns for p in files if p.exists())
    return (name, stamps, boards.data_version(engine()))
