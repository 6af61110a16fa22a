"""What the pages share: the open database, choices in the address, tables, links, downloads."""
