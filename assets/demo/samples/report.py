"""Adds up the orders of a month by country."""

import csv
import sys
from collections import defaultdict
from decimal import Decimal


def totals(rows):
    by_country = defaultdict(Decimal)
    for row in rows:
        # Refunds come as negative amounts.
        by_country[row["country"]] += Decimal(row["amount"])
    return dict(by_country)


if __name__ == "__main__":
    with open(sys.argv[1], newline="") as file:
        for country, total in sorted(totals(csv.DictReader(file)).items()):
            print(f"{country:<4} {total:>12,.2f}")
