"""Local editing of pictures: regions, and attributes that are read off a picture."""
