#ifndef EBB_OPERATORS_INTAKE_CURRENCIES_H_
#define EBB_OPERATORS_INTAKE_CURRENCIES_H_

#include <string_view>

namespace ebb {

// Whether these are the three capital letters of a currency in which a shop can be paid. A pure function; any thread.
// Source: ISO 4217, tables A.1 and A.2 as of 2026-01, and what was withdrawn since 2020 (ANG, BGN, CUC, HRK, SLL, ZWL),
// so that histories of years can be read. Left out is what names no money: metals, units of account, codes for tests
// and for none.
bool IsCurrency(std::string_view code);

}  // namespace ebb

#endif  // EBB_OPERATORS_INTAKE_CURRENCIES_H_
