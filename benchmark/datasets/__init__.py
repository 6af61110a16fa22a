"""One module for each data source; every one works offline and is checksummed. SOURCES.md holds origin and licence."""
