#!/usr/bin/env python3
"""Fits the polynomials and rationals of math.cpp: near-minimax in relative error, rounded to f32.

Needs mpmath. Prints, for each function, the coefficients (lowest power first) and the largest
relative error of the form as written in math.cpp, evaluated exactly, in units of 2^-24.
"""
import struct

from mpmath import mp, mpf

mp.dps = 40


def f32(x):
    return mpf(struct.unpack('f', struct.pack('f', float(x)))[0])


def solve(rows, target, weights):
    """Weighted least squares by normal equations (the precision is ample)."""
    n = len(rows[0])
    a = mp.zeros(n, n)
    b = mp.zeros(n, 1)
    for row, t, w in zip(rows, target, weights):
        for i in range(n):
            wi = w * row[i]
            b[i] += wi * t
            for j in range(i, n):
                a[i, j] += wi * row[j]
    for i in range(n):
        for j in range(i):
            a[i, j] = a[j, i]
    return list(mp.lu_solve(a, b))


def fit(name, value, fixed, factor, lo, hi, p, q=0, arg=lambda x: x, points=160, rounds=40):
    """value(x) ~ fixed(x) + factor(x) * P(arg(x)) / (1 + arg Q(arg)), degrees p and q - 1."""
    xs = [lo + (hi - lo) * (1 - mp.cos(mp.pi * (i + mpf(1) / 2) / points)) / 2
          for i in range(points)]
    v = [value(x) for x in xs]
    t = [(vi - fixed(x)) / factor(x) for vi, x in zip(v, xs)]
    scale = [abs(factor(x) / vi) for vi, x in zip(v, xs)]
    powers = [[arg(x) ** i for i in range(max(p, q) + 1)] for x in xs]
    rows = [w[:p + 1] + [-ti * w[i] for i in range(1, q + 1)] for w, ti in zip(powers, t)]
    lawson = [mpf(1)] * points
    denominator = [mpf(1)] * points
    best = None
    for _ in range(rounds):
        weights = [l * (s / d) ** 2 for l, s, d in zip(lawson, scale, denominator)]
        c = solve(rows, t, weights)
        denominator = [1 + sum(c[p + i] * w[i] for i in range(1, q + 1)) for w in powers]
        errors = [abs(s * (sum(c[i] * w[i] for i in range(p + 1)) / d - ti))
                  for w, d, ti, s in zip(powers, denominator, t, scale)]
        worst = max(errors)
        if best is None or worst < best[0]:
            best = (worst, c)
        lawson = [l * e for l, e in zip(lawson, errors)]
        total = sum(lawson)
        lawson = [l * points / total + mpf(10) ** -8 for l in lawson]
    c = [f32(x) for x in best[1]]
    worst = 0
    for x in [lo + (hi - lo) * (i + mpf(1) / 3) / 1000 for i in range(1000)]:
        a = arg(x)
        num = sum(c[i] * a ** i for i in range(p + 1))
        den = 1 + sum(c[p + i] * a ** i for i in range(1, q + 1))
        worst = max(worst, abs((fixed(x) + factor(x) * num / den) / value(x) - 1))
    print(f'{name}: {mp.nstr(worst * 2 ** 24, 3)} (unrounded {mp.nstr(best[0] * 2 ** 24, 3)})')
    print('  P', ', '.join(mp.nstr(x, 10) + 'F' for x in c[:p + 1]))
    if q:
        print('  Q 1,', ', '.join(mp.nstr(x, 10) + 'F' for x in c[p + 1:]))


def square(x):
    return x * x


def identity(x):
    return x


def cube(x):
    return x ** 3


def nothing(_):
    return mpf(0)


def main():
    tiny = mpf(10) ** -4
    half_ln2 = mp.log(2) / 2 * mpf('1.0001')
    fit('exp', mp.exp, lambda r: 1 + r, square, -half_ln2, half_ln2, 4)
    fit('log', lambda f: mp.log(1 + f), lambda f: f - f * f / 2, cube,
        mp.sqrt(mpf(1) / 2) - 1, mp.sqrt(2) - 1, 8)
    quarter = mp.pi / 4 * mpf('1.0001')
    fit('sin', mp.sin, identity, cube, tiny, quarter, 2, arg=square)
    fit('cos', mp.cos, lambda x: 1 - x * x / 2, lambda x: x ** 4, tiny, quarter, 2, arg=square)
    fit('atan', mp.atan, identity, cube, tiny, mp.tan(mp.pi / 8), 3, arg=square)
    fit('asin', mp.asin, identity, cube, tiny, mpf(1) / 2, 4, arg=square)
    fit('sinh', mp.sinh, identity, cube, tiny, mpf(1), 2, arg=square)
    fit('asinh', mp.asinh, identity, cube, tiny, mpf(1) / 2, 4, arg=square)
    fit('atanh', mp.atanh, identity, cube, tiny, mpf(1) / 2, 5, arg=square)
    fit('acosh', lambda t: mp.acosh(1 + t), lambda t: mp.sqrt(2 * t),
        lambda t: mp.sqrt(2 * t) * t, tiny, mpf(1) / 2, 4)
    for p, q in ((4, 3), (5, 3), (6, 3), (5, 4)):
        fit(f'tanh {p}/{q}', mp.tanh, nothing, identity, tiny, mpf('9.02'), p, q, square)
    for p, q in ((4, 4), (5, 4), (5, 5), (6, 4), (6,5)):
        fit(f'erf {p}/{q}', mp.erf, nothing, identity, tiny, mpf('3.93'), p, q, square)
    # log2((1 + s) / (1 - s)) = 2/ln2 (s + s^3 P(s^2)); s up to (sqrt 2 - 1) / (sqrt 2 + 1)
    fit('log2', lambda s: mp.log((1 + s) / (1 - s)) / 2, identity, cube, tiny, mpf('0.1716'), 3,
        arg=square)
    fit('exp2', lambda f: mpf(2) ** f, lambda f: mpf(1), identity, mpf('-0.5001'), mpf('0.5001'), 6)


if __name__ == '__main__':
    main()
