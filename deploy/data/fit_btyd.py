#!/usr/bin/env python3
"""Fits BG/NBD and MBG/NBD, as operators/churn/models/purchase_model.h has them, by maximum likelihood.

Needs scipy, which brings numpy:

  python3 -m venv build/btyd && build/btyd/bin/pip install scipy
  build/btyd/bin/python deploy/data/fit_btyd.py --cdnow CDNOW_sample.txt --cutoff 1997-09-30
  build/btyd/bin/python deploy/data/fit_btyd.py --purchases purchases.jsonl --cutoff 2017-09-30 --horizon-weeks 4

Prints r, alpha, a and b of BG/NBD and MBG/NBD (time in weeks) for everything up to and including the day of the
cut-off. With --horizon-weeks it also scores each customer's risk of no purchase in the horizon against what then
happened: AUC of being active, beside that of recency alone, and Brier score beside that of the base rate.
CDNOW files are those of the PyPI package `lifetimes`: lifetimes/datasets/CDNOW_{sample,master}.txt.
"""
import argparse
import collections
import datetime
import json
import math
import sys

try:
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import betaln, gammaln
except ModuleNotFoundError as missing:
    # --help is for whoever does not have it yet.
    if not {"-h", "--help"} & set(sys.argv):
        sys.exit(f"fit_btyd: expected the Python package scipy, but there is no {missing.name} for {sys.executable}; "
                 "install it and run this again with that Python:\n"
                 "  python3 -m venv build/btyd && build/btyd/bin/pip install scipy\n"
                 "  build/btyd/bin/python deploy/data/fit_btyd.py ...")

DAY_MS = 86400000


def day_of(text):
    return (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days


def read_cdnow(path):
    """Days of purchase by customer. The sample's rows have five columns, the master's four."""
    days = collections.defaultdict(set)
    with open(path, encoding="ascii") as lines:
        for line in lines:
            columns = line.split()
            if len(columns) < 4 or not columns[-3].isdigit():
                continue  # the master's title
            date = columns[-3]
            days[columns[0]].add(day_of(f"{date[:4]}-{date[4:6]}-{date[6:]}"))
    return days


def read_purchases(path):
    """Days of purchase by customer, from Ebb's purchases in proto3 JSON, one an input line."""
    days = collections.defaultdict(set)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.strip():
                continue
            purchase = json.loads(line)
            if purchase.get("kind") in ("REFUND", "CANCELLATION"):
                continue
            header = purchase["header"]
            customer = header.get("customer_id") or header["customerId"]
            moment = header.get("event_time_ms") or header["eventTimeMs"]
            days[customer].add(int(moment) // DAY_MS)
    return days


def histories(days, cutoff):
    """x, t_x and T in weeks at the end of the calibration, and the sorted days of each customer."""
    kept = [sorted(d for d in bought if d <= cutoff) for bought in days.values()]
    kept = [bought for bought in kept if bought]
    x = np.array([len(bought) - 1 for bought in kept], float)
    t_x = np.array([(bought[-1] - bought[0]) / 7 for bought in kept])
    age = np.array([(cutoff - bought[0]) / 7 for bought in kept])
    return x, t_x, age


def log_likelihood(model, parameters, x, t_x, age):
    r, alpha, a, b = parameters
    stays = 1 if model == "mbg" else 0  # an MBG customer may also leave after the first purchase
    common = gammaln(r + x) - gammaln(r) + r * math.log(alpha) - betaln(a, b)
    alive = betaln(a, b + x + stays) - (r + x) * np.log(alpha + age)
    lost = betaln(a + 1, np.maximum(b + x - 1 + stays, 1e-9)) - (r + x) * np.log(alpha + t_x)
    if model == "bg":
        lost = np.where(x > 0, lost, -np.inf)
    return common + np.logaddexp(alive, lost)


def fit(model, x, t_x, age):
    """The best of several starts; parameters are searched as logarithms, so they stay positive."""
    rows, weights = np.unique(np.stack([x, t_x, age]), axis=1, return_counts=True)

    def cost(logs):
        return -np.dot(weights, log_likelihood(model, np.exp(logs), *rows)) / len(x)

    best = None
    for start in ([0.2, 4, 0.8, 2.5], [1, 1, 1, 1], [2, 4, 0.1, 3]):
        found = minimize(cost, np.log(start), method="L-BFGS-B", bounds=[(-12, 12)] * 4)
        found = minimize(cost, found.x, method="Nelder-Mead",
                         options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 20000, "maxfev": 20000})
        if best is None or found.fun < best.fun:
            best = found
    return np.exp(best.x), -best.fun * len(x)


def risk(model, parameters, x, t_x, age, horizon):
    r, alpha, a, b = parameters
    beta = b + (1 if model == "mbg" else 0)
    with np.errstate(divide="ignore", over="ignore"):
        odds = a / np.maximum(beta + x - 1, 1e-300) * np.exp((r + x) * np.log((alpha + age) / (alpha + t_x)))
    if model == "bg":
        odds = np.where(x > 0, odds, 0)
    return 1 + np.expm1((r + x) * -np.log1p(horizon / (alpha + age))) / (1 + odds)


def auc(score, positive):
    """Probability that a positive scores above a negative, ties counting half."""
    _, group, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]
    n = positive.sum()
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(score) - n))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--cdnow", metavar="FILE")
    source.add_argument("--purchases", metavar="FILE", help="purchases.jsonl")
    parser.add_argument("--cutoff", required=True, metavar="YYYY-MM-DD", help="last day of the calibration (UTC)")
    parser.add_argument("--horizon-weeks", type=int, help="also score against the weeks after the cut-off")
    options = parser.parse_args()

    days = read_cdnow(options.cdnow) if options.cdnow else read_purchases(options.purchases)
    cutoff = day_of(options.cutoff)
    x, t_x, age = histories(days, cutoff)
    print(f"{len(x)} customers, {int(x.sum())} repeat days, up to {options.cutoff}")
    repeaters = x > 0
    print(f"gap between purchase days, in weeks: mean over all gaps {t_x.sum() / x.sum():.4f}, "
          f"median of customers' means {np.median(t_x[repeaters] / x[repeaters]):.4f}")
    if options.horizon_weeks:
        end = cutoff + 7 * options.horizon_weeks
        active = np.array([any(cutoff < d <= end for d in bought)
                           for bought in days.values() if min(bought) <= cutoff])
        base = active.mean()
        print(f"active in the next {options.horizon_weeks} weeks: {base:.4f}; recency alone: "
              f"AUC {auc(t_x - age, active):.4f}; base rate: Brier {base * (1 - base):.4f}")
    for model in ("bg", "mbg"):
        parameters, total = fit(model, x, t_x, age)
        named = ", ".join(f"{name} {value:.9g}" for name, value in zip(("r", "alpha", "a", "b"), parameters))
        print(f"{model}-nbd: {named}; log-likelihood {total:.4f}")
        if options.horizon_weeks:
            scored = risk(model, parameters, x, t_x, age, options.horizon_weeks)
            print(f"  AUC {auc(-scored, active):.4f}, Brier {np.mean((scored - ~active) ** 2):.4f}, "
                  f"mean risk {scored.mean():.4f} against {1 - base:.4f}")


if __name__ == "__main__":
    main()
