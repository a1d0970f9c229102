#include "engine/observe/admin_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "engine/observe/admin_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/text.h"

namespace ebb {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A client that says what it is told to, and returns all that it is told until the server hangs up.
std::string Exchange(int port, const std::string& request) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0) {
    send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[4096];
    for (ssize_t size; (size = recv(socket, buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(size));
    }
  }
  close(socket);
  return answer;
}

std::string Get(int port, const std::string& path) {
  return Exchange(port, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest() {
    callbacks_.metrics = [] { return std::string("ebb_build_info 1\n"); };
    callbacks_.health = [] { return absl::OkStatus(); };
    callbacks_.readiness = [] { return absl::UnavailableError("partition 3: 17 changelog records to restore"); };
    callbacks_.state = [this](std::string_view customer) -> absl::StatusOr<std::string> {
      const std::lock_guard<std::mutex> lock(mutex_);
      asked_.emplace_back(customer);
      return state_;
    };
    callbacks_.control = [] { return std::string("threshold@3 in force (partition 0)\n"); };
    callbacks_.history = []() -> absl::StatusOr<std::string> { return "{\"partition\":0}\n{\"partition\":1}\n"; };
    callbacks_.taken_in = [](std::string_view key) {
      return key == "threshold@3"   ? absl::OkStatus()
             : key == "threshold@4" ? absl::UnavailableError("not yet in partition 0")
                                    : absl::FailedPreconditionError("partition 0 refused it: no");
    };
  }

  int Start() {
    auto server = AdminServer::Listen("127.0.0.1:0", callbacks_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    return server_->port();
  }

  AdminCallbacks callbacks_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  absl::StatusOr<std::string> state_ = std::string("{}");
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, MetricsAreServedAsPrometheusExpects) {
  const std::string answer = Get(Start(), "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 17\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nebb_build_info 1\n"));
}

TEST_F(AdminServerTest, WhatIsInForceIsToldAndAskedFor) {
  const int port = Start();
  EXPECT_THAT(Get(port, "/control"), EndsWith("\r\n\r\nthreshold@3 in force (partition 0)\n"));
  EXPECT_THAT(Get(port, "/control/threshold%403"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(Get(port, "/control/threshold%404"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Get(port, "/control/threshold%405"), StartsWith("HTTP/1.1 409 Conflict\r\n"));
  EXPECT_TRUE(absl::IsFailedPrecondition(AskAdmin(Text("127.0.0.1:", port), "/control/", "threshold@5").status()));
}

TEST_F(AdminServerTest, HistoryIsJsonLines) {
  const int port = Start();
  EXPECT_THAT(Get(port, "/history"), HasSubstr("Content-Type: application/jsonl\r\n"));
  const auto history = AskAdmin(Text("127.0.0.1:", port), "/history", "");
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(*history, "{\"partition\":0}\n{\"partition\":1}\n");
}

TEST_F(AdminServerTest, LargePageArrivesWhole) {
  const std::string page(10 << 20, 'x');
  callbacks_.metrics = [&] { return page; };
  EXPECT_THAT(Get(Start(), "/metrics").size(), testing::Gt(page.size()));
}

TEST_F(AdminServerTest, HealthAndReadinessTellWhyNot) {
  const int port = Start();
  EXPECT_THAT(Get(port, "/healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
  const std::string answer = Get(port, "/readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\npartition 3: 17 changelog records to restore\n"));
}

TEST_F(AdminServerTest, StateIsJson) {
  state_ = std::string(R"({"customer":"c-1"})");
  const std::string answer = Get(Start(), "/state/c-1");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n{\"customer\":\"c-1\"}"));
  EXPECT_THAT(asked_, testing::ElementsAre("c-1"));
}

TEST_F(AdminServerTest, CustomerIdMayHoldAnyCharacter) {
  const int port = Start();
  Get(port, "/state/anon%3Acookie%3Aa%2Fb%20c%25");
  Get(port, "/state/..%2F..%2Fetc//x/../y");
  Get(port, "/state/Zo%C3%AB+%00z?verbose=1");
  EXPECT_THAT(asked_, testing::ElementsAre("anon:cookie:a/b c%", "../../etc//x/../y", std::string("Zoë+\0z", 7)));
}

TEST_F(AdminServerTest, TroubleWithAStateBecomesItsHttpStatus) {
  const int port = Start();
  const std::vector<std::pair<absl::Status, std::string>> cases = {
      {absl::NotFoundError("nobody"), "HTTP/1.1 404 Not Found\r\n"},
      {absl::InvalidArgumentError("too long"), "HTTP/1.1 400 Bad Request\r\n"},
      {absl::UnavailableError("it recovers"), "HTTP/1.1 503 Service Unavailable\r\n"},
      {absl::DataLossError("damaged"), "HTTP/1.1 503 Service Unavailable\r\n"},
  };
  for (const auto& [status, line] : cases) {
    state_ = status;
    const std::string answer = Get(port, "/state/c");
    EXPECT_THAT(answer, StartsWith(line));
    EXPECT_THAT(answer, EndsWith(Text("\r\n\r\n", status.message(), "\n")));
  }
}

TEST_F(AdminServerTest, NothingElseIsServed) {
  const int port = Start();
  for (const char* path : {"/", "/metrics/", "/metrics/../etc/passwd", "/state/", "/state", "//etc/passwd",
                           "/%2e%2e/etc/passwd", "*", "http://localhost/nothing"}) {
    EXPECT_THAT(Get(port, path), testing::Not(HasSubstr(" 200 "))) << path;
  }
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(AdminServerTest, OnlyReadingIsAnswered) {
  const int port = Start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"}) {
    const std::string answer = Exchange(
        port, Text(method, " /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n")) << method;
  }
  const std::string head = Exchange(port, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
}

TEST_F(AdminServerTest, RequestThatIsTooLargeOrNoneIsRefused) {
  const int port = Start();
  EXPECT_THAT(Get(port, "/state/" + std::string(AdminServer::kMaxRequestBytes, 'x')),
              testing::Not(HasSubstr(" 200 ")));
  EXPECT_THAT(Exchange(port, "\x16\x03\x01 hello\r\n\r\n"), testing::Not(HasSubstr(" 200 ")));
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_THAT(Get(port, "/healthz"), HasSubstr(" 200 "));
}

TEST_F(AdminServerTest, ClientThatStopsInTheMiddleIsHungUpOn) {
  EXPECT_THAT(Exchange(Start(), "GET /met"), StartsWith("HTTP/1.0 400 "));
}

TEST_F(AdminServerTest, AsManyRequestsAsThreadsAreAnsweredAtOnce) {
  auto* barrier = new absl::Barrier(AdminServer::kThreads);
  callbacks_.health = [&] {
    if (barrier->Block()) delete barrier;
    return absl::OkStatus();
  };
  const int port = Start();
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < AdminServer::kThreads; ++i) {
    answers.push_back(std::async(std::launch::async, [&] { return Get(port, "/healthz"); }));
  }
  for (auto& answer : answers) EXPECT_THAT(answer.get(), HasSubstr(" 200 "));
}

TEST_F(AdminServerTest, TakenPortIsToldClearly) {
  const int port = Start();
  const std::string address = Text("127.0.0.1:", port);
  const auto second = AdminServer::Listen(address, callbacks_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              testing::AllOf(HasSubstr("cannot listen on " + address), HasSubstr("Address already in use"),
                             HasSubstr("admin.listen")));
  EXPECT_THAT(Get(port, "/healthz"), HasSubstr(" 200 "));
}

TEST_F(AdminServerTest, PortIsFreeAgainWhenTheServerEnds) {
  const int port = Start();
  Get(port, "/healthz");
  server_.reset();
  EXPECT_THAT(Get(port, "/healthz"), IsEmpty());
  const auto again = AdminServer::Listen(Text("127.0.0.1:", port), callbacks_);
  EXPECT_TRUE(again.ok()) << again.status();
}

TEST_F(AdminServerTest, HostMayBeAName) {
  const auto server = AdminServer::Listen("localhost:0", callbacks_);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_THAT(Get((*server)->port(), "/healthz"), HasSubstr(" 200 "));
}

TEST_F(AdminServerTest, WhatIsNoAddressIsRefused) {
  for (const char* address : {"", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:-1",
                              "127.0.0.1:65536", "127.0.0.1:80,127.0.0.1:81", "::1:80", "127.0.0.1:80s"}) {
    EXPECT_EQ(AdminServer::Listen(address, callbacks_).status().code(), absl::StatusCode::kInvalidArgument) << address;
  }
  const auto elsewhere = AdminServer::Listen("192.0.2.1:0", callbacks_);
  EXPECT_EQ(elsewhere.status().code(), absl::StatusCode::kFailedPrecondition) << elsewhere.status();
  const auto unknown = AdminServer::Listen("no-such-host.invalid:0", callbacks_);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kFailedPrecondition) << unknown.status();
}

}  // namespace
}  // namespace ebb
