// SPDX-License-Identifier: Apache-2.0
// Box and Muller's transform in plain IEEE operations, to be compiled without contraction: the same
// bits on every processor. Included into each namespace that draws normal numbers; INGRAD_NORMAL
// carries function attributes.

// ln u for u in (0, 1], normal. With m in [sqrt 1/2, sqrt 2) and u = m 2^e:
// ln m = 2 artanh s, s = (m - 1) / (m + 1), |s| < 0.1716; the series ends where terms vanish.
INGRAD_NORMAL double log_of(double u) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(u);
  // Adding the distance from sqrt 1/2 to 1 carries into the exponent exactly for m >= sqrt 2.
  constexpr std::uint64_t kOne = 0x3ff0000000000000u;
  constexpr std::uint64_t kRootHalf = 0x3fe6a09e667f3bcdu;
  const std::uint64_t shifted = bits + (kOne - kRootHalf);
  const int exponent = static_cast<int>(shifted >> 52) - 1023;
  const double m = std::bit_cast<double>((shifted & 0x000fffffffffffffu) + kRootHalf);
  const double s = (m - 1) / (m + 1);
  const double q = s * s;
  double p = 1.0 / 23;
  p = p * q + 1.0 / 21;
  p = p * q + 1.0 / 19;
  p = p * q + 1.0 / 17;
  p = p * q + 1.0 / 15;
  p = p * q + 1.0 / 13;
  p = p * q + 1.0 / 11;
  p = p * q + 1.0 / 9;
  p = p * q + 1.0 / 7;
  p = p * q + 1.0 / 5;
  p = p * q + 1.0 / 3;
  constexpr double kLn2 = 0.693147180559945309417;
  return static_cast<double>(exponent) * kLn2 + (2 * s + 2 * s * (q * p));
}

// cos and sin of `turn` full turns, turn in [0, 1): exact reduction to an eighth of a turn on
// either side of a quarter, then Taylor's series.
INGRAD_NORMAL void cos_sin(double turn, double& cosine, double& sine) {
  const int quarter = static_cast<int>(4 * turn + 0.5);
  const double x = 6.283185307179586476925 * (turn - 0.25 * quarter);
  const double q = x * x;
  double s = 1.0 / 355687428096000;
  s = s * q - 1.0 / 1307674368000;
  s = s * q + 1.0 / 6227020800;
  s = s * q - 1.0 / 39916800;
  s = s * q + 1.0 / 362880;
  s = s * q - 1.0 / 5040;
  s = s * q + 1.0 / 120;
  s = s * q - 1.0 / 6;
  s = x + x * (q * s);
  double c = 1.0 / 20922789888000;
  c = c * q - 1.0 / 87178291200;
  c = c * q + 1.0 / 479001600;
  c = c * q - 1.0 / 3628800;
  c = c * q + 1.0 / 40320;
  c = c * q - 1.0 / 720;
  c = c * q + 1.0 / 24;
  c = 1 + (q * q * c - 0.5 * q);
  const double a = (quarter & 1) != 0 ? s : c;
  const double b = (quarter & 1) != 0 ? c : s;
  cosine = ((quarter + 1) & 2) != 0 ? -a : a;
  sine = (quarter & 2) != 0 ? -b : b;
}

INGRAD_NORMAL void normal_pair(double u, double turn, double mean, double deviation, double& z0,
                            double& z1) {
  const double radius = std::sqrt(-2 * log_of(u));
  double c = 0, s = 0;
  cos_sin(turn, c, s);
  z0 = mean + deviation * (radius * c);
  z1 = mean + deviation * (radius * s);
}
