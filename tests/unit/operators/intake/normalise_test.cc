#include "operators/intake/normalise.h"

#include "ebb/v1/support.pb.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

v1::Purchase NormalPurchase() {
  v1::Purchase purchase;
  purchase.set_kind(v1::Purchase::ORDER);
  purchase.set_currency("EUR");
  auto* line = purchase.add_lines();
  line->set_sku("A 1");
  line->set_category("fresh milk");
  return purchase;
}

TEST(NormaliseTest, WhatIsNormalIsNotCopied) {
  v1::Purchase purchase_scratch;
  const v1::Purchase purchase = NormalPurchase();
  EXPECT_EQ(&Normalised(purchase, &purchase_scratch), &purchase);
  v1::Browse browse_scratch;
  const v1::Browse browse;
  EXPECT_EQ(&Normalised(browse, &browse_scratch), &browse);
  v1::Member member_scratch;
  v1::Member member;
  EXPECT_EQ(&Normalised(member, &member_scratch), &member);
  member.mutable_profile()->set_language("de-CH");
  EXPECT_EQ(&Normalised(member, &member_scratch), &member);
  v1::Support support_scratch;
  const v1::Support support;
  EXPECT_EQ(&Normalised(support, &support_scratch), &support);
}

TEST(NormaliseTest, PurchasesGetOneSpelling) {
  v1::Purchase purchase = NormalPurchase();
  purchase.set_kind(v1::Purchase::KIND_UNSPECIFIED);
  purchase.set_currency("eur");
  purchase.mutable_lines(0)->set_sku(" A 1\t");
  purchase.mutable_lines(0)->set_category(" Fresh Milk ");
  v1::Purchase scratch;
  EXPECT_EQ(Normalised(purchase, &scratch).DebugString(), NormalPurchase().DebugString());
}

TEST(NormaliseTest, EachOddSpellingIsNoticedAlone) {
  v1::Purchase scratch;
  v1::Purchase purchase = NormalPurchase();
  purchase.set_kind(v1::Purchase::KIND_UNSPECIFIED);
  EXPECT_EQ(Normalised(purchase, &scratch).kind(), v1::Purchase::ORDER);
  purchase = NormalPurchase();
  purchase.set_currency("eUR");
  EXPECT_EQ(Normalised(purchase, &scratch).currency(), "EUR");
  purchase = NormalPurchase();
  purchase.mutable_lines(0)->set_sku("A 1 ");
  EXPECT_EQ(Normalised(purchase, &scratch).lines(0).sku(), "A 1");
  purchase = NormalPurchase();
  purchase.mutable_lines(0)->set_category("fresh Milk");
  EXPECT_EQ(Normalised(purchase, &scratch).lines(0).category(), "fresh milk");
  purchase.mutable_lines(0)->set_category("\nfresh milk");
  EXPECT_EQ(Normalised(purchase, &scratch).lines(0).category(), "fresh milk");
}

TEST(NormaliseTest, OnlyAsciiLettersAreLowered) {
  v1::Purchase purchase = NormalPurchase();
  purchase.mutable_lines(0)->set_category("KÄSE");
  v1::Purchase scratch;
  EXPECT_EQ(Normalised(purchase, &scratch).lines(0).category(), "kÄse");
}

TEST(NormaliseTest, BrowsesAreSpelledLikePurchases) {
  v1::Browse browse;
  browse.set_currency("chf");
  browse.set_sku(" x ");
  browse.set_category("Shoes");
  v1::Browse scratch;
  const v1::Browse& normalised = Normalised(browse, &scratch);
  EXPECT_EQ(normalised.currency() + "/" + normalised.sku() + "/" + normalised.category(), "CHF/x/shoes");
}

TEST(NormaliseTest, MembersLanguageGetsItsCase) {
  v1::Member member;
  member.mutable_profile()->set_language("DE-ch");
  member.mutable_profile()->set_time_zone("Europe/Zurich");
  v1::Member scratch;
  EXPECT_EQ(Normalised(member, &scratch).profile().language(), "de-CH");
  EXPECT_EQ(Normalised(member, &scratch).profile().time_zone(), "Europe/Zurich");
}

TEST(NormaliseTest, LanguageTagsFollowTheRecommendation) {
  EXPECT_EQ(NormalisedLanguageTag(""), "");
  EXPECT_EQ(NormalisedLanguageTag("DE"), "de");
  EXPECT_EQ(NormalisedLanguageTag("de_ch"), "de-CH");
  EXPECT_EQ(NormalisedLanguageTag("ZH-hANT-tw"), "zh-Hant-TW");
  EXPECT_EQ(NormalisedLanguageTag("sl-ROZAJ-biske-1994"), "sl-rozaj-biske-1994");
  EXPECT_EQ(NormalisedLanguageTag("EN-ca-X-CA"), "en-CA-x-ca");
  EXPECT_EQ(NormalisedLanguageTag("-"), "-");
  EXPECT_EQ(NormalisedLanguageTag("de-"), "de-");
}

}  // namespace
}  // namespace ebb
