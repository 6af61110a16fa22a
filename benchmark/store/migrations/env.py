"""Alembic's entry: it migrates the connection that benchmark.store.database hands over, or `-x db=PATH` by hand."""

from alembic import context
from sqlalchemy import create_engine

from benchmark.store import views
from benchmark.store.models import Base


def migrate(connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        views.drop(connection)
        context.run_migrations()
        if context.get_context().get_current_revision() == context.script.get_current_head():
            views.create(connection)


connection = context.config.attributes.get("connection")
if connection is not None:
    migrate(connection)
else:
    with create_engine(f"sqlite:///{context.get_x_argument(as_dictionary=True)['db']}").begin() as own:
        migrate(own)
