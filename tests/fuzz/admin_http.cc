// What arrives at the admin port and, at its client, from it; over real connections.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "engine/observe/admin_client.h"
#include "engine/observe/admin_server.h"
#include "tests/fuzz/fuzz.h"

namespace ebb::fuzzing {
namespace {

constexpr uint32_t kClientAddresses = 200;
constexpr int kConnectLimitMs = 5000;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket() : Socket(socket(AF_INET, SOCK_STREAM, 0)) {}
  ~Socket() {
    // Reset: nobody waits for what was not read.
    const linger at_once{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int descriptor() const { return descriptor_; }

  void Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t size = TEMP_FAILURE_RETRY(send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (size <= 0) return;  // The other side has heard enough.
      bytes.remove_prefix(static_cast<size_t>(size));
    }
  }

  // Up to where the other side hangs up.
  std::string Receive() const {
    std::string all;
    char buffer[4096];
    // Whoever fuzzes sets alarms, too.
    for (ssize_t size; (size = TEMP_FAILURE_RETRY(recv(descriptor_, buffer, sizeof(buffer), 0))) > 0;) {
      all.append(buffer, static_cast<size_t>(size));
    }
    return all;
  }

 private:
  const int descriptor_;
};

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Why not, or 0. An alarm of whoever fuzzes may interrupt the call; the connection is made all the same.
int Connect(const Socket& socket, const sockaddr_in& to) {
  if (connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) return 0;
  if (errno != EINTR) return errno;
  pollfd made{socket.descriptor(), POLLOUT, 0};
  if (TEMP_FAILURE_RETRY(poll(&made, 1, kConnectLimitMs)) != 1) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

std::string Exchange(int port, std::string_view request) {
  const Socket client;
  // A closed connection keeps its pair of ports for a minute: from many addresses they do not run out.
  static uint32_t connections = 0;
  sockaddr_in from = Loopback(0);
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + ++connections % kClientAddresses);
  const bool bound = bind(client.descriptor(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)) == 0;
  Require(bound, "there is a port to come from");
  const int error = Connect(client, Loopback(port));
  Require(error == 0, "the admin port takes connections", std::strerror(error));
  client.Send(request);
  shutdown(client.descriptor(), SHUT_WR);
  return client.Receive();
}

AdminServer& Server() {
  static AdminServer* const server = [] {
    AdminCallbacks callbacks;
    callbacks.metrics = [] { return std::string("a 1\n"); };
    callbacks.health = [] { return absl::OkStatus(); };
    callbacks.readiness = [] { return absl::UnavailableError("not yet"); };
    callbacks.state = [](std::string_view customer) -> absl::StatusOr<std::string> {
      Require(!customer.empty() && customer.size() < AdminServer::kMaxRequestBytes, "a customer is asked for");
      if (customer.size() > 8) return absl::NotFoundError("nobody");
      return std::string("{}");
    };
    auto listening = AdminServer::Listen("127.0.0.1:0", std::move(callbacks));
    Require(listening.ok(), "an admin server listens", listening.status().ToString());
    return listening->release();
  }();
  return *server;
}

// Answers every connection with what it was given last, whatever it is asked.
class Answerer {
 public:
  Answerer() {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    const bool listens = bind(listener_.descriptor(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                         listen(listener_.descriptor(), 16) == 0 &&
                         getsockname(listener_.descriptor(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
    Require(listens, "a socket listens");
    port_ = ntohs(address.sin_port);
    std::thread([this] { Serve(); }).detach();
  }

  std::string address() const { return Text("127.0.0.1:", port_); }

  void Give(std::string_view answer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    answer_ = answer;
  }

 private:
  void Serve() {
    for (int accepted; (accepted = TEMP_FAILURE_RETRY(accept(listener_.descriptor(), nullptr, nullptr))) >= 0;) {
      const Socket client(accepted);
      const std::lock_guard<std::mutex> lock(mutex_);
      client.Send(answer_);
      shutdown(client.descriptor(), SHUT_WR);
      client.Receive();
    }
  }

  const Socket listener_;
  int port_ = 0;
  std::mutex mutex_;
  std::string answer_;
};

}  // namespace

EBB_FUZZ_TARGET(admin_request) {
  const int port = Server().port();
  const std::string answer = Exchange(port, bytes);
  Require(answer.empty() || answer.starts_with("HTTP/"), "what is answered is HTTP", answer);
  Require(Exchange(port, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 200 "),
          "others are answered after it");
}

EBB_FUZZ_TARGET(admin_answer) {
  static Answerer* const answerer = new Answerer();
  answerer->Give(bytes);
  const absl::StatusOr<std::string> body = AskAdmin(answerer->address(), "/state/", bytes.substr(0, 100));
  if (!body.ok()) return RequireExplains(Text(body.status().message()));
  Require(body->size() < bytes.size(), "a body is no more than what came", *body);
}

}  // namespace ebb::fuzzing
