// The grammar, and the tree that its rules build. The only file that knows PEGTL; its exceptions end here.

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "engine/expression/syntax.h"
#include "engine/expression/unescape.h"
#include "engine/wording/wording.h"
#include "google/protobuf/stubs/common.h"
#include "state/utf8.h"
#include "tao/pegtl.hpp"
#include "tao/pegtl/contrib/limit_depth.hpp"

namespace ebb::expression {
namespace {

namespace peg = tao::pegtl;

struct SyntaxError {
  size_t place;
  std::string expected;
  bool show_token = false;
};

// Builds from the leaves up: a rule that has matched takes what its parts left and leaves one node.
class Builder {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  size_t PlaceOf(const char* at) const { return static_cast<size_t>(at - text_.data()); }

  Syntax& Push(Syntax::Kind kind, std::string_view matched) {
    const size_t begin = PlaceOf(matched.data());
    stack_.push_back(Make(kind, begin));
    top().end = begin + matched.size();
    return top();
  }

  Syntax& top() { return *stack_.back(); }
  std::unique_ptr<Syntax> Pop() {
    std::unique_ptr<Syntax> node = std::move(stack_.back());
    stack_.pop_back();
    return node;
  }

  void PushOperator(std::string_view matched) { operators_.push_back(matched); }
  void Open(const char* at) { opened_.push_back({PlaceOf(at), stack_.size()}); }

  // The nodes since the last Open become parts of `node`.
  void Close(Syntax& node, size_t end) {
    const auto first = stack_.begin() + static_cast<ptrdiff_t>(opened_.back().nodes);
    std::move(first, stack_.end(), std::back_inserter(node.parts));
    stack_.erase(first, stack_.end());
    opened_.pop_back();
    node.end = end;
  }

  void CloseCall(size_t end) {
    Syntax& node = *stack_[opened_.back().nodes - 1];
    node.kind = node.kind == Syntax::Kind::kSelect ? Syntax::Kind::kMethod : Syntax::Kind::kCall;
    Close(node, end);
  }

  void CloseList(size_t end) {
    auto list = Make(Syntax::Kind::kList, opened_.back().place);
    Close(*list, end);
    stack_.push_back(std::move(list));
  }

  void FoldBinary(Syntax::Kind kind) {
    auto right = Pop();
    auto left = Pop();
    const std::string_view symbol = operators_.back();
    operators_.pop_back();
    Syntax& node = Push(kind, symbol);
    node.text = symbol;
    node.begin = left->begin;
    node.end = right->end;
    if (kind == Syntax::Kind::kBinary) {
      node.parts.push_back(std::move(left));
      node.parts.push_back(std::move(right));
      return;
    }
    for (auto* side : {&left, &right}) {
      if ((*side)->kind == kind) {
        std::move((*side)->parts.begin(), (*side)->parts.end(), std::back_inserter(node.parts));
      } else {
        node.parts.push_back(std::move(*side));
      }
    }
  }

  // The operators from `begin` on, of which the last stands next to the operand.
  void FoldUnary(size_t begin) {
    while (!operators_.empty() && PlaceOf(operators_.back().data()) >= begin) {
      const std::string_view symbol = operators_.back();
      operators_.pop_back();
      auto operand = Pop();
      if (symbol == "-" && (operand->kind == Syntax::Kind::kInt || operand->kind == Syntax::Kind::kDouble) &&
          !operand->negative && text_[operand->begin] != '(') {
        operand->negative = true;
        operand->begin = operand->place = PlaceOf(symbol.data());
        stack_.push_back(std::move(operand));
        continue;
      }
      Syntax& node = Push(Syntax::Kind::kUnary, symbol);
      node.text = symbol;
      node.end = operand->end;
      node.parts.push_back(std::move(operand));
    }
  }

 private:
  struct Opened {
    size_t place;
    size_t nodes;
  };

  std::unique_ptr<Syntax> Make(Syntax::Kind kind, size_t begin) {
    if (++nodes_ > kMaxNodes) {
      throw SyntaxError{begin, "expected at most " + std::to_string(kMaxNodes) + " names, values and operators"};
    }
    auto node = std::make_unique<Syntax>();
    node->kind = kind;
    node->begin = node->place = begin;
    return node;
  }

  std::string_view text_;
  std::vector<std::unique_ptr<Syntax>> stack_;
  std::vector<std::string_view> operators_;
  std::vector<Opened> opened_;
  size_t nodes_ = 0;
};

// clang-format off
struct Comment : peg::seq<peg::string<'/', '/'>, peg::until<peg::eolf>> {};
struct Gap : peg::star<peg::sor<peg::one<' ', '\t', '\n', '\r', '\f'>, Comment>> {};
struct AnyExpression;
struct Separator : peg::seq<peg::one<','>, Gap> {};
struct Expressions : peg::list_must<AnyExpression, Separator> {};

struct Exponent : peg::seq<peg::one<'e', 'E'>, peg::opt<peg::one<'+', '-'>>, peg::plus<peg::digit>> {};
struct Real : peg::sor<peg::seq<peg::star<peg::digit>, peg::one<'.'>, peg::plus<peg::digit>, peg::opt<Exponent>>,
                       peg::seq<peg::plus<peg::digit>, Exponent>> {};
struct Hexadecimal : peg::seq<peg::one<'0'>, peg::one<'x', 'X'>, peg::plus<peg::xdigit>> {};
struct Whole : peg::seq<peg::sor<Hexadecimal, peg::plus<peg::digit>>, peg::opt<peg::one<'u', 'U'>>> {};
struct EndOfNumber : peg::not_at<peg::identifier_other> {};
struct RealLiteral : peg::seq<Real, EndOfNumber> {};
struct WholeLiteral : peg::seq<Whole, EndOfNumber> {};

struct Escape : peg::seq<peg::one<'\\'>, peg::any> {};
template <char kQuote> struct ClosingOne : peg::until<peg::one<kQuote>, peg::sor<Escape, peg::not_one<'\n', '\r'>>> {};
template <char kQuote> struct ClosingThree : peg::until<peg::string<kQuote, kQuote, kQuote>,
                                                        peg::sor<Escape, peg::any>> {};
template <char kQuote> struct RawClosingOne : peg::until<peg::one<kQuote>, peg::not_one<'\n', '\r'>> {};
template <char kQuote> struct RawClosingThree : peg::until<peg::string<kQuote, kQuote, kQuote>> {};
template <char kQuote> struct CookedQuoted : peg::sor<
    peg::if_must<peg::string<kQuote, kQuote, kQuote>, ClosingThree<kQuote>>,
    peg::if_must<peg::one<kQuote>, ClosingOne<kQuote>>> {};
template <char kQuote> struct RawQuoted : peg::sor<
    peg::if_must<peg::string<kQuote, kQuote, kQuote>, RawClosingThree<kQuote>>,
    peg::if_must<peg::one<kQuote>, RawClosingOne<kQuote>>> {};
struct RawString : peg::seq<peg::one<'r', 'R'>, peg::sor<RawQuoted<'"'>, RawQuoted<'\''>>> {};
struct StringLiteral : peg::sor<CookedQuoted<'"'>, CookedQuoted<'\''>, RawString> {};

struct OpenParenthesis : peg::one<'('> {};
struct CloseParenthesis : peg::one<')'> {};
struct Parenthesised : peg::if_must<peg::seq<peg::one<'('>, Gap>, AnyExpression, CloseParenthesis> {};
struct CallEnd : peg::one<')'> {};
struct Arguments : peg::if_must<peg::seq<OpenParenthesis, Gap>, peg::opt<Expressions>, CallEnd> {};
struct OpenBracket : peg::one<'['> {};
struct ListEnd : peg::one<']'> {};
struct List : peg::if_must<peg::seq<OpenBracket, Gap>, peg::opt<Expressions>, ListEnd> {};
struct Name : peg::identifier {};
struct Primary : peg::seq<peg::sor<Parenthesised, List, RealLiteral, WholeLiteral, StringLiteral,
                                   peg::seq<Name, Gap, peg::opt<Arguments>>>, Gap> {};
struct FieldName : peg::identifier {};
struct Select : peg::if_must<peg::seq<peg::one<'.'>, Gap>, FieldName, Gap, peg::opt<Arguments>, Gap> {};
struct IndexEnd : peg::one<']'> {};
struct Index : peg::if_must<peg::seq<peg::one<'['>, Gap>, AnyExpression, IndexEnd, Gap> {};
struct Member : peg::seq<Primary, peg::star<peg::sor<Select, Index>>> {};

struct Not : peg::one<'!'> {};
struct Minus : peg::one<'-'> {};
struct Operand : Member {};
struct Prefixed : peg::sor<peg::if_must<peg::plus<Not, Gap>, Operand>, peg::if_must<peg::plus<Minus, Gap>, Operand>> {};
struct Unary : peg::sor<Prefixed, Member> {};

// `Inner` and any number of operators, each with another.
template <class Symbol, class Inner> struct Tail : peg::if_must<peg::seq<Symbol, Gap>, Inner> {};
struct Times : peg::one<'*', '/', '%'> {};
struct Plus : peg::one<'+', '-'> {};
struct Relation : peg::sor<peg::string<'<', '='>, peg::string<'>', '='>, peg::string<'=', '='>, peg::string<'!', '='>,
                           peg::one<'<', '>'>, peg::keyword<'i', 'n'>> {};
struct AndSign : peg::string<'&', '&'> {};
struct OrSign : peg::string<'|', '|'> {};
struct Factor : Unary {};
struct Product : peg::seq<Factor, peg::star<Tail<Times, Factor>>> {};
struct Sum : peg::seq<Product, peg::star<Tail<Plus, Product>>> {};
struct Comparison : peg::seq<Sum, peg::star<Tail<Relation, Sum>>> {};
struct Conjunction : peg::seq<Comparison, peg::star<Tail<AndSign, Comparison>>> {};
struct Disjunction : peg::seq<Conjunction, peg::star<Tail<OrSign, Conjunction>>> {};
struct QuestionMark : peg::one<'?'> {};
struct Colon : peg::one<':'> {};
struct Branches : peg::if_must<peg::seq<QuestionMark, Gap>, Disjunction, Colon, Gap, AnyExpression> {};
struct AnyExpression : peg::seq<Disjunction, peg::opt<Branches>> {};
struct End : peg::eof {};
struct Text : peg::must<Gap, AnyExpression, End> {};
// clang-format on

// What stands there instead of a rule that must match. Whatever has no name of its own begins with a value.
template <class Rule>
constexpr const char* kExpected = "a value";
template <>
constexpr const char* kExpected<CloseParenthesis> = "an operator or \")\"";
template <>
constexpr const char* kExpected<CallEnd> = "an operator, \",\" or \")\"";
template <>
constexpr const char* kExpected<ListEnd> = "an operator, \",\" or \"]\"";
template <>
constexpr const char* kExpected<IndexEnd> = "an operator or \"]\"";
template <>
constexpr const char* kExpected<Colon> = "an operator or \":\"";
template <>
constexpr const char* kExpected<End> = "an operator or the end";
template <>
constexpr const char* kExpected<FieldName> = "the name of a field or function";
template <char kQuote>
constexpr const char* kExpected<ClosingOne<kQuote>> = "a closing quote";
template <char kQuote>
constexpr const char* kExpected<ClosingThree<kQuote>> = "three closing quotes";
template <char kQuote>
constexpr const char* kExpected<RawClosingOne<kQuote>> = kExpected<ClosingOne<kQuote>>;
template <char kQuote>
constexpr const char* kExpected<RawClosingThree<kQuote>> = kExpected<ClosingThree<kQuote>>;

template <class Rule>
struct Control : peg::normal<Rule> {
  template <class Input, class... States>
  [[noreturn]] static void raise(const Input& in, const Builder& builder, States&&...) {
    throw SyntaxError{builder.PlaceOf(in.current()), std::string("expected ") + kExpected<Rule>, true};
  }
};

template <class Input>
std::string_view Matched(const Input& in) {
  return {in.begin(), in.size()};
}

template <class Rule>
struct Action : peg::nothing<Rule> {};
template <>
struct Action<AnyExpression> : peg::limit_depth<kMaxDepth> {};

template <>
struct Action<RealLiteral> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    Syntax& node = builder.Push(Syntax::Kind::kDouble, Matched(in));
    if (std::from_chars(in.begin(), in.end(), node.real).ec != std::errc()) {
      throw SyntaxError{node.begin, "expected a number that a double can hold"};
    }
  }
};

template <>
struct Action<WholeLiteral> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    std::string_view digits = Matched(in);
    const bool natural = digits.back() == 'u' || digits.back() == 'U';
    Syntax& node = builder.Push(natural ? Syntax::Kind::kUint : Syntax::Kind::kInt, digits);
    if (natural) digits.remove_suffix(1);
    const bool hexadecimal = digits.size() > 2 && (digits[1] == 'x' || digits[1] == 'X');
    if (hexadecimal) digits.remove_prefix(2);
    const auto read =
        std::from_chars(digits.data(), digits.data() + digits.size(), node.natural, hexadecimal ? 16 : 10);
    if (read.ec != std::errc()) throw SyntaxError{node.begin, "expected a number of at most 64 bits"};
  }
};

template <>
struct Action<StringLiteral> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    Syntax& node = builder.Push(Syntax::Kind::kString, Matched(in));
    const UnescapeError error = Unescape(Matched(in), &node.text);
    if (error.text != nullptr) throw SyntaxError{node.begin + error.place, error.text};
  }
};

// Source: the words that the specification keeps from being names, section Syntax.
constexpr std::array<std::string_view, 18> kReserved = {"as",        "break",   "const",  "continue", "else", "for",
                                                        "function",  "if",      "import", "in",       "let",  "loop",
                                                        "namespace", "package", "return", "var",      "void", "while"};

template <>
struct Action<Name> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    const std::string_view name = Matched(in);
    if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) {
      throw SyntaxError{builder.PlaceOf(in.begin()), "expected a value", true};
    }
    const bool boolean = name == "true" || name == "false";
    Syntax& node = builder.Push(boolean          ? Syntax::Kind::kBool
                                : name == "null" ? Syntax::Kind::kNull
                                                 : Syntax::Kind::kName,
                                name);
    node.natural = name == "true" ? 1 : 0;
    node.text = name;
  }
};

template <>
struct Action<FieldName> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    auto target = builder.Pop();
    Syntax& node = builder.Push(Syntax::Kind::kSelect, Matched(in));
    node.text = Matched(in);
    node.begin = target->begin;
    node.parts.push_back(std::move(target));
  }
};

template <>
struct Action<IndexEnd> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    auto index = builder.Pop();
    auto target = builder.Pop();
    Syntax& node = builder.Push(Syntax::Kind::kIndex, Matched(in));
    node.begin = target->begin;
    node.place = index->begin;
    node.parts.push_back(std::move(target));
    node.parts.push_back(std::move(index));
  }
};

struct Opening {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    builder.Open(in.begin());
  }
};
template <>
struct Action<OpenParenthesis> : Opening {};
template <>
struct Action<OpenBracket> : Opening {};

template <>
struct Action<CallEnd> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    builder.CloseCall(builder.PlaceOf(in.end()));
  }
};

template <>
struct Action<ListEnd> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    builder.CloseList(builder.PlaceOf(in.end()));
  }
};

template <>
struct Action<Parenthesised> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    builder.top().begin = builder.PlaceOf(in.begin());
    builder.top().end = builder.PlaceOf(in.end());
  }
};

struct Pushing {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    builder.PushOperator(Matched(in));
  }
};
template <>
struct Action<Not> : Pushing {};
template <>
struct Action<Minus> : Pushing {};
template <>
struct Action<Times> : Pushing {};
template <>
struct Action<Plus> : Pushing {};
template <>
struct Action<Relation> : Pushing {};
template <>
struct Action<AndSign> : Pushing {};
template <>
struct Action<OrSign> : Pushing {};
template <>
struct Action<QuestionMark> : Pushing {};

template <>
struct Action<Prefixed> {
  template <class Input>
  static void apply(const Input& in, Builder& builder) {
    builder.FoldUnary(builder.PlaceOf(in.begin()));
  }
};

template <Syntax::Kind kKind>
struct Folding {
  static void apply0(Builder& builder) { builder.FoldBinary(kKind); }
};
template <>
struct Action<Tail<Times, Factor>> : Folding<Syntax::Kind::kBinary> {};
template <>
struct Action<Tail<Plus, Product>> : Folding<Syntax::Kind::kBinary> {};
template <>
struct Action<Tail<Relation, Sum>> : Folding<Syntax::Kind::kBinary> {};
template <>
struct Action<Tail<AndSign, Comparison>> : Folding<Syntax::Kind::kAnd> {};
template <>
struct Action<Tail<OrSign, Conjunction>> : Folding<Syntax::Kind::kOr> {};

template <>
struct Action<Branches> {
  static void apply0(Builder& builder) {
    auto otherwise = builder.Pop();
    builder.FoldBinary(Syntax::Kind::kBinary);
    Syntax& node = builder.top();
    node.kind = Syntax::Kind::kConditional;
    node.end = otherwise->end;
    node.parts.push_back(std::move(otherwise));
  }
};

// What stands at `place`: a word or number, or a sign.
std::string_view TokenAt(std::string_view text, size_t place) {
  size_t end = place;
  while (end < text.size() && (absl::ascii_isalnum(text[end]) || text[end] == '_' || (text[end] & 0x80) != 0)) ++end;
  if (end > place) return text.substr(place, end - place);
  const bool twice = place + 1 < text.size() && text[place + 1] == text[place];
  return text.substr(place, twice ? 2 : 1);
}

std::string GotAt(std::string_view text, size_t place) {
  if (place >= text.size()) return ", got the end";
  if (text[place] == '\n' || text[place] == '\r') return ", got the end of the line";
  const std::string_view token = TokenAt(text, place);
  static constexpr std::pair<std::string_view, const char*> kMeant[] = {
      {"and", "&&"}, {"AND", "&&"}, {"&", "&&"}, {"or", "||"}, {"OR", "||"}, {"|", "||"}, {"=", "=="}};
  std::string got = ", got " + Quoted(std::string(token));
  for (const auto& [written, meant] : kMeant) {
    if (token == written) got += std::string("; did you mean \"") + meant + "\"?";
  }
  return got;
}

}  // namespace

int ColumnOf(std::string_view text, size_t place) {
  const std::string_view before = text.substr(0, place);
  return 1 +
         static_cast<int>(std::count_if(before.begin(), before.end(), [](char c) { return !ContinuesCharacter(c); }));
}

std::unique_ptr<Syntax> Parse(std::string_view text, std::vector<Mistake>& mistakes) {
  if (text.size() > kMaxTextBytes) {
    mistakes.push_back(
        {1, "expected at most " + std::to_string(kMaxTextBytes) + " bytes, got " + std::to_string(text.size())});
    return nullptr;
  }
  if (!google::protobuf::internal::IsStructurallyValidUTF8(text.data(), static_cast<int>(text.size()))) {
    mistakes.push_back({1, "expected a text in UTF-8"});
    return nullptr;
  }
  Builder builder(text);
  try {
    peg::memory_input<peg::tracking_mode::lazy, peg::eol::lf_crlf, const char*> in(text.data(),
                                                                                   text.data() + text.size(), "");
    if (peg::parse<Text, Action, Control>(in, builder)) return builder.Pop();
  } catch (const SyntaxError& error) {
    mistakes.push_back(
        {ColumnOf(text, error.place), error.expected + (error.show_token ? GotAt(text, error.place) : "")});
  } catch (const peg::parse_error& error) {
    mistakes.push_back({ColumnOf(text, error.positions().front().byte),
                        "expected at most " + std::to_string(kMaxDepth) + " levels of nesting"});
  }
  return nullptr;
}

}  // namespace ebb::expression
