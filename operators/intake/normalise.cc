#include "operators/intake/normalise.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace ebb {
namespace {

bool IsTrimmed(const std::string& text) {
  return text.empty() || !(absl::ascii_isspace(text.front()) || absl::ascii_isspace(text.back()));
}

bool HasCapital(const std::string& text) { return std::any_of(text.begin(), text.end(), absl::ascii_isupper); }

bool HasSmall(const std::string& text) { return std::any_of(text.begin(), text.end(), absl::ascii_islower); }

void TrimAndLower(std::string* text) {
  absl::StripAsciiWhitespace(text);
  absl::AsciiStrToLower(text);
}

template <class Article>
bool IsNormalArticle(const Article& article) {
  return IsTrimmed(article.sku()) && IsTrimmed(article.category()) && !HasCapital(article.category());
}

template <class Article>
void NormaliseArticle(Article* article) {
  if (!article->sku().empty()) absl::StripAsciiWhitespace(article->mutable_sku());
  if (!article->category().empty()) TrimAndLower(article->mutable_category());
}

}  // namespace

const v1::Purchase& Normalised(const v1::Purchase& purchase, v1::Purchase* scratch) {
  const auto& lines = purchase.lines();
  if (purchase.kind() != v1::Purchase::KIND_UNSPECIFIED && !HasSmall(purchase.currency()) &&
      std::all_of(lines.begin(), lines.end(), IsNormalArticle<v1::Purchase::Line>)) {
    return purchase;
  }
  *scratch = purchase;
  if (scratch->kind() == v1::Purchase::KIND_UNSPECIFIED) scratch->set_kind(v1::Purchase::ORDER);
  absl::AsciiStrToUpper(scratch->mutable_currency());
  for (v1::Purchase::Line& line : *scratch->mutable_lines()) NormaliseArticle(&line);
  return *scratch;
}

const v1::Browse& Normalised(const v1::Browse& browse, v1::Browse* scratch) {
  if (!HasSmall(browse.currency()) && IsNormalArticle(browse)) return browse;
  *scratch = browse;
  absl::AsciiStrToUpper(scratch->mutable_currency());
  NormaliseArticle(scratch);
  return *scratch;
}

const v1::Member& Normalised(const v1::Member& member, v1::Member* scratch) {
  const std::string& language = member.profile().language();
  std::string normalised = NormalisedLanguageTag(language);
  if (normalised == language) return member;
  *scratch = member;
  scratch->mutable_profile()->set_language(std::move(normalised));
  return *scratch;
}

std::string NormalisedLanguageTag(std::string_view tag) {
  std::string result(tag);
  std::replace(result.begin(), result.end(), '_', '-');
  absl::AsciiStrToLower(&result);
  size_t begin = std::min(result.find('-'), result.size());
  // From the first single letter on, all is lower case.
  while (begin < result.size()) {
    ++begin;
    const size_t end = std::min(result.find('-', begin), result.size());
    const size_t size = end - begin;
    if (size == 1) break;
    if (size == 2) result[begin + 1] = absl::ascii_toupper(result[begin + 1]);
    if (size == 2 || size == 4) result[begin] = absl::ascii_toupper(result[begin]);
    begin = end;
  }
  return result;
}

}  // namespace ebb
