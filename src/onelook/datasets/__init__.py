"""Labelled images: read, checked, converted, split, counted, augmented and loaded.

A `Dataset` (dataset.py) is columns. `reading.py` decides on one of formats/ and fills the columns through `collecting.py` and
`building.py`; `column_cache.py` keeps them; `converting.py` writes them in another format; `fetching.py` and `generated.py` bring
data that nobody has yet. checks/ finds what is wrong, in the words of `findings.py`; changes/ makes one data set of another;
files/ knows how data lies on the disk. `stats.py`, `anchors.py` and `show.py` tell what is in it, `augment.py` and `loader.py`
feed it to training.
"""
