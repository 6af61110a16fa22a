"""The results database: SQLAlchemy models, Alembic migrations, and the queries that everybody shares."""
