"""One program for each figure the README states; run by `make bench`."""
