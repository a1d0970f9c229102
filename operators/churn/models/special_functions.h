// Functions that the purchase and spend models are written with. Pure: any thread, no state. What may overflow is
// returned as its logarithm.
//
// Sources: Abramowitz and Stegun (1964), "Handbook of Mathematical Functions", chapters 6 and 15.
#ifndef EBB_OPERATORS_CHURN_MODELS_SPECIAL_FUNCTIONS_H_
#define EBB_OPERATORS_CHURN_MODELS_SPECIAL_FUNCTIONS_H_

namespace ebb {

// log(1 + e^value) without overflow.
[[nodiscard]] double SoftPlus(double value);

// 1 / (1 + e^-value).
[[nodiscard]] double Logistic(double value);

// log(e^a + e^b) without overflow.
[[nodiscard]] double LogAdd(double a, double b);

// log(Gamma(value)), of a value above 0.
[[nodiscard]] double LogGamma(double value);

// log(Gamma(value + count) / Gamma(value)) for value above 0 and count at least 0; keeps its digits where value is
// large beside count. 0 when count is 0.
[[nodiscard]] double LogRisingFactorial(double value, double count);

// log(Gamma(a) Gamma(b) / Gamma(a + b)) for a and b above 0.
[[nodiscard]] double LogBeta(double a, double b);

// log(2F1(a, b; c; z)) for a >= 0, c > b > 0 and z < 1; `rest` is 1 - z, which near 1 has digits that z lost. Relative
// error of 2F1 below 1e-11 for parameters up to 1e6. Sums the power series where that is short, and otherwise
// integrates Euler's integral (A&S 15.3.1); a negative z is first brought into (0, 1) by Pfaff's transformation (A&S
// 15.3.4). All terms are then positive, so nothing cancels.
[[nodiscard]] double LogHypergeometric2F1(double a, double b, double c, double z, double rest);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_SPECIAL_FUNCTIONS_H_
