"""What others hand in: predictions that are scored here, and code that a maintainer runs. Nothing of it is believed.

    text       which characters a text may hold, and how it is shown
    entry      entry.toml: who hands in what
    archive    a zip file that is never unpacked
    bundle     entry and predictions of one zip file
    package    a method of an installed package, with its source and what its metadata tell
    inputs     observations without truth, for those who answer elsewhere
    shown      parts of a problem in the forms that files have
    private    instances of a board that its owner alone can draw
    training   what methods may learn from before, likewise
    naming     which names a method may have
    scoring    scores of a bundle, on instances made here
    rows       what a scored bundle leaves in the database
    nearness   predictions that are nearer to the truth than what is measured allows
    likeness   predictions that are nearly those of another method
    store      the states of a submission: what a command or a page calls

Every refusal is a UserError of one line that names the file and the rule.
"""
