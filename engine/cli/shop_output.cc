#include "engine/cli/shop_output.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/codec/event_decoder.h"
#include "engine/kafka/sender.h"
#include "engine/log/file_record.h"
#include "state/text.h"

namespace ebb {
namespace {

std::string Encode(const ShopEvent& event, const std::string& format) {
  std::string bytes = EncodeMessage(*event.message, format);
  return event.unparsable ? Spoilt(bytes) : bytes;
}

absl::Status CannotWrite(const std::string& path) {
  return absl::Status(absl::StatusCode::kUnavailable, Text("cannot write ", path, ": ", std::strerror(errno)));
}

class ShopFiles final : public ShopOutput {
 public:
  ShopFiles(std::string directory, const std::string& format) : directory_(std::move(directory)), format_(format) {}

  absl::Status Open() {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error) return absl::UnavailableError(Text("cannot make the directory ", directory_, ": ", error.message()));
    for (size_t i = 0; i < files_.size(); ++i) {
      const std::string path = PlaceOf(static_cast<ShopSource>(i));
      files_[i].open(path, std::ios::binary | std::ios::trunc);
      if (!files_[i]) return CannotWrite(path);
    }
    return absl::OkStatus();
  }

  absl::Status Write(const ShopEvent& event) override {
    std::ofstream& file = files_[static_cast<size_t>(event.source)];
    const std::string bytes = Encode(event, format_);
    if (format_ == "json") {
      file << bytes << '\n';
    } else {
      WriteRecord(file, bytes);
    }
    return file ? absl::OkStatus() : CannotWrite(PlaceOf(event.source));
  }

  absl::Status Finish() override {
    for (size_t i = 0; i < files_.size(); ++i) {
      files_[i].close();
      if (!files_[i]) return CannotWrite(PlaceOf(static_cast<ShopSource>(i)));
    }
    return absl::OkStatus();
  }

  std::string PlaceOf(ShopSource source) const override {
    return Text(directory_, "/", kShopSources[static_cast<size_t>(source)], format_ == "json" ? ".jsonl" : ".pb");
  }

 private:
  const std::string directory_;
  const std::string format_;
  std::array<std::ofstream, kShopSources.size()> files_;
};

class ShopTopics final : public ShopOutput {
 public:
  ShopTopics(std::unique_ptr<Sender> sender, const std::string& prefix, std::string format)
      : sender_(std::move(sender)), format_(std::move(format)) {
    for (size_t i = 0; i < topics_.size(); ++i) topics_[i] = Text(prefix, kShopSources[i]);
  }

  absl::Status Find() {
    for (const std::string& topic : topics_) {
      const absl::Status status = sender_->Find(topic);
      if (absl::IsNotFound(status)) {
        return absl::NotFoundError(
            Text(status.message(), "; create it first, with as many partitions as the other sources"));
      }
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Write(const ShopEvent& event) override {
    return sender_->Send(PlaceOf(event.source), event.customer, Encode(event, format_));
  }
  absl::Status Finish() override { return sender_->Flush(); }
  std::string PlaceOf(ShopSource source) const override { return topics_[static_cast<size_t>(source)]; }

 private:
  const std::unique_ptr<Sender> sender_;
  const std::string format_;
  std::array<std::string, kShopSources.size()> topics_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ShopOutput>> OpenShopFiles(const std::string& directory, const std::string& format) {
  auto files = std::make_unique<ShopFiles>(directory, format);
  if (absl::Status status = files->Open(); !status.ok()) return status;
  return files;
}

absl::StatusOr<std::unique_ptr<ShopOutput>> OpenShopTopics(const KafkaConnection& connection,
                                                           const std::string& prefix, const std::string& format) {
  absl::StatusOr<std::unique_ptr<Sender>> sender = Sender::Open(connection);
  if (!sender.ok()) return sender.status();
  auto topics = std::make_unique<ShopTopics>(*std::move(sender), prefix, format);
  if (absl::Status status = topics->Find(); !status.ok()) return status;
  return topics;
}

absl::StatusOr<TruthCounts> WriteShopTruth(const Shop& shop, const std::string& path) {
  std::ofstream file(path, std::ios::trunc);
  if (!file) return CannotWrite(path);
  TruthCounts counts;
  for (int32_t i = 0; i < shop.customers(); ++i) {
    const std::optional<ShopTruth> truth = shop.TruthOf(i);
    if (!truth) continue;
    ++counts.customers;
    file << R"({"customer":")" << truth->customer << R"(","joinedAtMs":)" << truth->joined_at_ms;
    if (truth->last_purchase_ms) file << R"(,"lastPurchaseMs":)" << *truth->last_purchase_ms;
    file << R"(,"left":)" << (truth->left_at_ms ? "true" : "false");
    if (truth->left_at_ms) {
      ++counts.left;
      file << R"(,"leftAtMs":)" << *truth->left_at_ms << R"(,"why":")" << truth->why << '"';
    }
    file << "}\n";
  }
  file.close();
  if (!file) return CannotWrite(path);
  return counts;
}

}  // namespace ebb
