"""The page that a person opens to look at a build."""

NAME = "report.html"
MOST_ROWS = 20_000  # to browse: a page of so many rows of usual projects has 40 MB
