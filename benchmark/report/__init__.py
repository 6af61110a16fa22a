"""What a board says, without a screen: boards and their order, tables, formats, comparisons, studies, runs."""
