#include "benchmarks/floor/kafka.h"

#include <cstdio>
#include <cstdlib>

namespace ebb::bench {
namespace {

constexpr int kPatienceMs = 60'000;
constexpr int kFlushSlices = 100;

rd_kafka_t* Open(rd_kafka_type_t type, const Properties& properties) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[512] = "";
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
      Die(name, reason);
    }
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, reason, sizeof(reason));
  if (client == nullptr) Die("a client", reason);
  return client;
}

void Check(rd_kafka_error_t* error, std::string_view what) {
  if (error != nullptr) Die(what, rd_kafka_error_string(error));
}

}  // namespace

void Die(std::string_view what, std::string_view why) {
  std::fprintf(stderr, "bench-floor: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(why.size()), why.data());
  std::_Exit(1);
}

Consumer::Consumer(const Properties& properties, const std::vector<std::string>& topics)
    : client_(Open(RD_KAFKA_CONSUMER, properties)) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(static_cast<int>(topics.size()));
  for (const std::string& topic : topics) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  rd_kafka_poll_set_consumer(client_);
  if (const auto error = rd_kafka_subscribe(client_, list); error != 0) Die("subscribe", rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(list);
  queue_ = rd_kafka_queue_get_consumer(client_);
}

Consumer::~Consumer() {
  rd_kafka_queue_destroy(queue_);
  rd_kafka_consumer_close(client_);
  rd_kafka_destroy(client_);
}

bool Consumer::Check(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  if (message.err != RD_KAFKA_RESP_ERR__TRANSPORT && message.err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    Die("reading", rd_kafka_message_errstr(&message));
  }
  return false;
}

Producer::Producer(const Properties& properties) : client_(Open(RD_KAFKA_PRODUCER, properties)) {
  ebb::bench::Check(rd_kafka_init_transactions(client_, kPatienceMs), "init_transactions");
}

Producer::~Producer() {
  for (rd_kafka_topic_t* topic : topics_) rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(client_);
}

rd_kafka_topic_t* Producer::Topic(const std::string& name) {
  rd_kafka_topic_conf_t* conf = rd_kafka_topic_conf_new();
  char reason[512] = "";
  rd_kafka_topic_conf_set(conf, "partitioner", "murmur2_random", reason, sizeof(reason));
  topics_.push_back(rd_kafka_topic_new(client_, name.c_str(), conf));
  return topics_.back();
}

void Producer::Begin() { ebb::bench::Check(rd_kafka_begin_transaction(client_), "begin_transaction"); }

void Producer::Wait() { rd_kafka_poll(client_, 1); }

void Producer::Send(rd_kafka_topic_t* topic, std::string_view key, std::string_view value, const Headers& headers) {
  rd_kafka_headers_t* list = rd_kafka_headers_new(headers.size());
  for (const auto& [name, text] : headers) {
    rd_kafka_header_add(list, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  }
  rd_kafka_vu_t fields[5];
  fields[0].vtype = RD_KAFKA_VTYPE_RKT;
  fields[0].u.rkt = topic;
  fields[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[1].u.i = RD_KAFKA_MSG_F_COPY;
  fields[2].vtype = RD_KAFKA_VTYPE_KEY;
  fields[2].u.mem = {const_cast<char*>(key.data()), key.size()};
  fields[3].vtype = RD_KAFKA_VTYPE_VALUE;
  fields[3].u.mem = {const_cast<char*>(value.data()), value.size()};
  fields[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  fields[4].u.headers = list;
  while (rd_kafka_error_t* error = rd_kafka_produceva(client_, fields, 5)) {
    if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) ebb::bench::Check(error, "produce");
    rd_kafka_error_destroy(error);
    Wait();
  }
}

void Producer::Send(rd_kafka_topic_t* topic, int32_t partition, std::string_view key, std::string_view value) {
  while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()), value.size(),
                          key.data(), key.size(), nullptr) != 0) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      Die("produce", rd_kafka_err2str(rd_kafka_last_error()));
    }
    Wait();
  }
}

void Producer::Commit(const rd_kafka_topic_partition_list_t* offsets, const Consumer& consumer) {
  rd_kafka_consumer_group_metadata_t* metadata = consumer.GroupMetadata();
  ebb::bench::Check(rd_kafka_send_offsets_to_transaction(client_, offsets, metadata, kPatienceMs), "send_offsets");
  rd_kafka_consumer_group_metadata_destroy(metadata);
  // The commit waits for what is queued, but looks only every 10 ms where no delivery reports wake it.
  for (int slice = 0; slice < kFlushSlices && rd_kafka_flush(client_, 1) != 0; ++slice) {
  }
  ebb::bench::Check(rd_kafka_commit_transaction(client_, kPatienceMs), "commit_transaction");
}

}  // namespace ebb::bench
