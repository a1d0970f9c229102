#include "engine/kafka/properties.h"

#include "gtest/gtest.h"

namespace ebb {
namespace {

TEST(KafkaPropertiesTest, WhatAPromiseRestsOnIsNotTheUsersToGive) {
  for (const char* key : {"acks", "check.crcs", "client.id", "group.id", "isolation.level", "max.in.flight",
                          "max.poll.interval.ms", "retries", "transactional.id"}) {
    EXPECT_NE(InsteadOfKafkaProperty(key), "") << key;
  }
  for (const char* key : {"linger.ms", "sasl.password", "fetch.min.bytes", "no.such.property"}) {
    EXPECT_EQ(InsteadOfKafkaProperty(key), "") << key;
  }
}

TEST(KafkaPropertiesTest, SecretsAreKnownByTheirNames) {
  for (const char* key : {"sasl.password", "ssl.key.pem", "ssl.key.password", "sasl.oauthbearer.client.secret"}) {
    EXPECT_TRUE(IsSecretKafkaProperty(key)) << key;
  }
  for (const char* key : {"sasl.username", "linger.ms", "ssl.ca.location"}) {
    EXPECT_FALSE(IsSecretKafkaProperty(key)) << key;
  }
}

}  // namespace
}  // namespace ebb
